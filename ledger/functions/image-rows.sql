-- The trigger that copies the rows of a statement: with sign 1 as they were, with -1 as they are then. What a row was before the phase, and what the
-- phase made of it, is what the signs do not cancel, in whatever order nested statements came.
-- As its owner, because a cascade works as the owner of its table, and a statement may have set a role.
create or replace function stepgate.image_rows() returns trigger
language plpgsql security definer
set search_path = pg_catalog
as $image_rows$
declare
  v_into text;
  v_from text;
begin
  if tg_op = 'TRUNCATE' then
    raise exception using errcode = 'SG004', message = format('the phase protects %s.%s, and TRUNCATE leaves no row to copy; delete the rows, or do not protect the table', tg_table_schema, tg_table_name);
  end if;
  select string_agg(quote_ident(u.name), ', ' order by u.number), string_agg(quote_ident(a.attname), ', ' order by u.number) into v_into, v_from
  from stepgate.image i cross join unnest(i.columns, i.names) as u (number, name)
  join pg_attribute a on a.attrelid = i.table_oid and a.attnum = u.number and not a.attisdropped
  where i.id = tg_argv[0]::bigint;
  if tg_op in ('UPDATE', 'DELETE') then
    execute format('insert into stepgate.image_%s (stepgate_sign, %s) select 1, %s from stepgate_old', tg_argv[0], v_into, v_from);
  end if;
  if tg_op in ('UPDATE', 'INSERT') then
    execute format('insert into stepgate.image_%s (stepgate_sign, %s) select -1, %s from stepgate_new', tg_argv[0], v_into, v_from);
  end if;
  return null;
end
$image_rows$
