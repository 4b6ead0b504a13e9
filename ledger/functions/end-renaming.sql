-- After the statements that rename tables: the sync's functions by the new names. A view under a name that a table had must not take writes:
-- who still writes by the old name has to be told, and not be carried to where nobody expects it.
create or replace function stepgate.end_renaming(p_renaming jsonb) returns void
language plpgsql as $end_renaming$
declare
  line text;
begin
  if jsonb_typeof(p_renaming) is distinct from 'object' then
    return;
  end if;
  for line in select jsonb_array_elements_text(p_renaming -> 'functions') loop
    execute line;
  end loop;
  for line in
    -- What an INSTEAD OF trigger takes the statement's author has decided. pg_relation_is_updatable: 4 UPDATE, 8 INSERT, 16 DELETE.
    select n from jsonb_array_elements_text(p_renaming -> 'names') n join pg_class c on c.oid = to_regclass(n) and c.relkind = 'v'
    where exists (
      select from (values (4, 16), (8, 4), (16, 8)) as event (bit, type)
      where pg_relation_is_updatable(c.oid, false) & event.bit > 0 and not exists (
        select from pg_trigger t where t.tgrelid = c.oid and t.tgtype & 64 > 0 and t.tgtype & event.type > 0 and t.tgenabled in ('O', 'A')))
    order by 1
  loop
    raise exception using errcode = 'SG002', message = format('the view %s stands under the name that a table had, and takes writes, which nobody expects there; '
      'write its query as "with read_only as (select) select …", which PostgreSQL lets nobody write through, or give it INSTEAD OF triggers that raise', line);
  end loop;
end
$end_renaming$
