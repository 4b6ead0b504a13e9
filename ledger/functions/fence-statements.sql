-- GRANT or REVOKE statements for entries, given as json; those of many objects that say the same are one. `speaker` is the role that has to say it, so
-- that the grantor is the entry's: null where this role speaks for the owner. None for a role, a column or an object that is gone.
create or replace function stepgate.fence_statements(p_entries jsonb, p_grants boolean) returns table (speaker text, statement text, objects oid[])
language sql stable
set search_path = pg_catalog
as $fence_statements$
  with objects as materialized (
    select * from stepgate.fence_objects()
  ), for_each as (
    select e.kind, e.object, o.name, e.grantee, e.is_grantable,
      -- Since PostgreSQL 16 membership and the right to take a role are two things.
      case when g.rolname <> current_user and not (g.oid = o.owner and pg_has_role(o.owner, 'usage'))
        and pg_has_role(g.oid, case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end) then g.rolname end as speaker,
      string_agg(e.privilege || coalesce(' (' || quote_ident(a.attname) || ')', ''), ', ' order by e.part, e.privilege) as privileges
    from jsonb_to_recordset(p_entries) as e (kind text, object oid, part smallint, grantor oid, grantee oid, privilege text, is_grantable boolean)
    join objects o on o.kind = e.kind and o.object = e.object
    left join pg_roles g on g.oid = e.grantor
    left join pg_attribute a on e.kind = 'table' and a.attrelid = e.object and a.attnum = e.part and e.part > 0 and not a.attisdropped
    where e.part = 0 or a.attnum is not null
    group by e.kind, e.object, o.name, o.owner, e.grantee, e.is_grantable, g.oid, g.rolname
  )
  select f.speaker::text, format('%s %s on %s %s %s %s%s', case when p_grants then 'grant' else 'revoke' end, f.privileges, f.kind,
    string_agg(f.name, ', ' order by f.object), case when p_grants then 'to' else 'from' end, coalesce(quote_ident(r.rolname), 'public'),
    -- A right that another role's grant rests on goes with that.
    case when not p_grants then ' cascade' when f.is_grantable then ' with grant option' else '' end), array_agg(f.object)
  from for_each f left join pg_roles r on r.oid = f.grantee
  where f.grantee = 0 or r.oid is not null
  group by f.kind, f.speaker, f.privileges, f.grantee, r.rolname, f.is_grantable
$fence_statements$
