-- A table's name with its schema, quoted where it must be.
create or replace function stepgate.full_name(p_table oid) returns text
language sql stable as $full_name$
  select format('%I.%I', n.nspname, c.relname) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = p_table
$full_name$
