-- Before a phase's statements: from here on, what they change in the tables of p_protect is copied, row by row, as it was and as it is then.
-- Writers of these tables wait until the phase commits, so nobody else's changes are copied.
create or replace function stepgate.begin_images(p_plan text, p_phase text, p_protect jsonb) returns void
language plpgsql as $begin_images$
declare
  v_name text;
  v_table oid;
  v_why text;
  v_image stepgate.image;
begin
  -- Of an earlier try that nobody undid: no row of the ledger belongs to them any more.
  perform stepgate.drop_images(p_plan, p_phase);
  for v_name in select distinct value from jsonb_array_elements_text(p_protect) order by value loop
    v_table := to_regclass(v_name);
    if v_table is not null and (select relkind from pg_class where oid = v_table) in ('r', 'p') then
      execute format('lock table %s in share row exclusive mode', v_name);
    end if;
    v_why := stepgate.why_not_imaged(v_table);
    if v_why is not null then
      raise exception using errcode = 'SG004', message = format('phase %s cannot protect %s: %s', p_phase, replace(v_name, '"', ''), v_why);
    end if;
    insert into stepgate.image (plan, phase, table_oid, columns, names, key_names, key_operators)
    select p_plan, p_phase, v_table, c.columns, c.names, k.names, k.operators
    from (
      -- What is computed anew whenever it is read has no image.
      select array_agg(attnum order by attnum) as columns, array_agg(attname::text order by attnum) as names
      from pg_attribute where attrelid = v_table and attnum > 0 and not attisdropped and attgenerated <> 'v'
    ) c, (
      select array_agg(a.attname::text order by u.place) as names, array_agg(format('operator(%I.%s)', n.nspname, o.oprname) order by u.place) as operators
      from pg_index i cross join unnest(i.indkey, i.indclass) with ordinality as u (number, class, place)
      join pg_attribute a on a.attrelid = v_table and a.attnum = u.number
      join pg_opclass c on c.oid = u.class
      join pg_amop m on m.amopfamily = c.opcfamily and m.amoplefttype = c.opcintype and m.amoprighttype = c.opcintype and m.amopstrategy = 3
      join pg_operator o on o.oid = m.amopopr
      join pg_namespace n on n.oid = o.oprnamespace
      where i.indrelid = v_table and i.indisprimary and u.place <= i.indnkeyatts
    ) k
    returning * into v_image;
    perform stepgate.start_images(v_image);
  end loop;
end
$begin_images$
