-- A relation's name with its schema, both quoted whether they must be or not, as core/plan/reach.ts writes it.
create or replace function stepgate.exact_name(p_relation oid) returns text
language sql stable
set search_path = pg_catalog
as $exact_name$
  select '"' || replace(n.nspname, '"', '""') || '"."' || replace(c.relname, '"', '""') || '"' from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = p_relation
$exact_name$
