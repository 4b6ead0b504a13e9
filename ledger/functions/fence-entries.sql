-- The entries of the application's access lists by which somebody may write, one for each privilege, with the object's owner: a null list is its
-- default. `part` is a column's number, 0 is the whole object; grantee 0 is PUBLIC. `list` is the whole access list, as PostgreSQL writes it.
create or replace function stepgate.fence_entries()
returns table (kind text, object oid, name text, owner oid, part smallint, grantor oid, grantee oid, privilege text, is_grantable boolean, list text)
language sql stable
set search_path = pg_catalog
as $fence_entries$
  select s.kind, s.object, s.name, s.owner, s.part, e.grantor, e.grantee, e.privilege_type, e.is_grantable, coalesce(s.attname || ': ', '') || s.acl::text
  from (
    select o.*, 0::smallint as part, null::text as attname, coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner)) as acl
    from stepgate.fence_objects() o join pg_class c on c.oid = o.object where o.kind in ('table', 'sequence')
    union all
    select o.*, a.attnum, a.attname, a.attacl from stepgate.fence_objects() o join pg_attribute a on a.attrelid = o.object
    where o.kind = 'table' and a.attnum > 0 and not a.attisdropped and a.attacl is not null
    union all
    select o.*, 0::smallint, null, coalesce(n.nspacl, acldefault('n', n.nspowner)) from stepgate.fence_objects() o join pg_namespace n on n.oid = o.object where o.kind = 'schema'
    union all
    select o.*, 0::smallint, null, coalesce(f.proacl, acldefault('f', f.proowner)) from stepgate.fence_objects() o join pg_proc f on f.oid = o.object where o.kind = 'routine'
  ) s cross join aclexplode(s.acl) e
  where e.privilege_type = any (case s.kind when 'table' then '{INSERT,UPDATE,DELETE,TRUNCATE}' when 'sequence' then '{USAGE,UPDATE}'
    when 'schema' then '{CREATE}' else '{EXECUTE}' end::text[])
$fence_entries$
