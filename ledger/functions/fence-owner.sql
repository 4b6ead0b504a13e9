-- An object's owner; null when it is gone.
create or replace function stepgate.fence_owner(p_kind text, p_object oid) returns oid
language sql stable
set search_path = pg_catalog
as $fence_owner$
  select relowner from pg_class where p_kind in ('table', 'sequence') and oid = p_object
  union all select nspowner from pg_namespace where p_kind = 'schema' and oid = p_object
  union all select proowner from pg_proc where p_kind = 'routine' and oid = p_object
$fence_owner$
