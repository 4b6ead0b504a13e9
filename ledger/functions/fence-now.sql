-- The entries of now of objects that the fence has noted; of one of them where it is named.
create or replace function stepgate.fence_now(p_plan text, p_object oid default null)
returns table (kind text, object oid, part smallint, grantor oid, grantee oid, privilege text, is_grantable boolean)
language sql stable as $fence_now$
  select e.kind, e.object, e.part, e.grantor, e.grantee, e.privilege, e.is_grantable
  from stepgate.fence_entries() e join stepgate.fence_object f on f.plan = p_plan and f.kind = e.kind and f.object = e.object
  where p_object is null or f.object = p_object
$fence_now$
