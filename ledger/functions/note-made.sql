-- Remembers what a table, or columns, that the plan made hold now.
create or replace function stepgate.note_made(p_plan text, p_thing jsonb, p_digest jsonb) returns void
language sql as $note_made$
  insert into stepgate.made (plan, table_name, columns, rows, hash)
  values (p_plan, p_thing ->> 'name', p_thing ->> 'columns', (p_digest ->> 'rows')::bigint, (p_digest ->> 'hash')::numeric)
  on conflict (plan, table_name, columns) do update set rows = excluded.rows, hash = excluded.hash
$note_made$
