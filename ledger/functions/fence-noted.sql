-- The noted entries with one of these changes; of one object where it is named.
create or replace function stepgate.fence_noted(p_plan text, p_changes text[], p_object oid default null)
returns table (kind text, object oid, part smallint, grantor oid, grantee oid, privilege text, is_grantable boolean)
language sql stable as $fence_noted$
  select kind, object, part, grantor, grantee, privilege, is_grantable from stepgate.fence_entry
  where plan = p_plan and change = any (p_changes) and (p_object is null or object = p_object)
$fence_noted$
