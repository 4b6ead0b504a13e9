-- Remembers what this transaction made since p_before: tables, and columns of others, with what they hold.
-- A column of a table that was not written holds its default everywhere, and nobody need read a large table to know.
create or replace function stepgate.note_made(p_plan text, p_phase text, p_before jsonb) returns void
language plpgsql as $note_made$
declare
  counts jsonb := stepgate.write_counts();
  thing record;
  digest jsonb;
begin
  for thing in
    select c.oid, case when p_before ? c.oid::text then array(select a.attnum from pg_attribute a
        where a.attrelid = c.oid and a.attnum > split_part(p_before ->> c.oid::text, ':', 1)::integer and not a.attisdropped order by a.attnum)
      else '{}'::smallint[] end as columns,
      not p_before ? c.oid::text or split_part(counts ->> c.oid::text, ':', 2) is distinct from split_part(p_before ->> c.oid::text, ':', 2) as is_written
    from jsonb_object_keys(counts) k join pg_class c on c.oid = k::oid
    where stepgate.is_own(c.xmin) and case when p_before ? k
      then c.relkind = 'r' and c.relnatts > split_part(p_before ->> k, ':', 1)::integer
      else c.relkind in ('r', 'p') and not exists (select from pg_inherits h where h.inhrelid = c.oid and not p_before ? h.inhparent::text) end
  loop
    begin
      digest := case when thing.is_written then stepgate.made_digest(thing.oid, thing.columns) else '{"rows": 0, "hash": 0}' end;
    exception
      -- FORCE ROW LEVEL SECURITY hides rows from their owner, too.
      when insufficient_privilege then digest := '{"rows": -1, "hash": 0}';
    end;
    insert into stepgate.made (plan, phase, table_oid, columns, rows, hash)
    values (p_plan, p_phase, thing.oid, thing.columns, (digest ->> 'rows')::bigint, (digest ->> 'hash')::numeric)
    on conflict do nothing;
  end loop;
end
$note_made$
