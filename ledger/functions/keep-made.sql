-- Before an undo takes away what the plan made: where somebody else may have written into it, all that it holds goes to stepgate_archive.row.
-- What the phase made, and with p_everything what any phase made but p_targets. Writers wait until the undo commits, so that nothing is written
-- between the copy and the DROP. FORCE ROW LEVEL SECURITY, which hides rows from their owner, is lifted while they are read.
create or replace function stepgate.keep_made(p_run text, p_plan text, p_phase text, p_everything boolean, p_targets jsonb) returns void
language plpgsql as $keep_made$
declare
  thing record;
  digest jsonb;
begin
  for thing in
    select m.table_oid, m.columns, m.rows, m.hash, stepgate.full_name(m.table_oid) as name, c.relforcerowsecurity as is_forced
    from stepgate.made m join pg_class c on c.oid = m.table_oid and c.relkind in ('r', 'p')
    where m.plan = p_plan and (m.phase = p_phase or (p_everything
      and not exists (select from jsonb_array_elements_text(p_targets) t where to_regclass(t)::oid = m.table_oid)))
    order by m.table_oid, m.columns
  loop
    execute format('lock table %s in share row exclusive mode', thing.name);
    if thing.is_forced then
      execute format('alter table %s no force row level security', thing.name);
    end if;
    digest := stepgate.made_digest(thing.table_oid, thing.columns);
    if (digest ->> 'rows')::bigint > 0 and (thing.rows, thing.hash) is distinct from ((digest ->> 'rows')::bigint, (digest ->> 'hash')::numeric) then
      execute format('insert into stepgate_archive.row (run_id, plan, phase, table_name, image) select $1, $2, $3, $4, row_to_json(r) from (%s) r',
        stepgate.made_rows(thing.table_oid, thing.columns)) using p_run, p_plan, p_phase, thing.name;
    end if;
    if thing.is_forced then
      execute format('alter table %s force row level security', thing.name);
    end if;
    -- What is kept need not be kept again by the undo of an earlier phase.
    update stepgate.made m set rows = (digest ->> 'rows')::bigint, hash = (digest ->> 'hash')::numeric
    where m.plan = p_plan and m.table_oid = thing.table_oid and m.columns = thing.columns;
  end loop;
end
$keep_made$
