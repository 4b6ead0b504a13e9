-- Roles other than this one that can write the application's data, each with the plainest reason. Membership of any kind counts, since SET ROLE and
-- ADMIN OPTION make it one that writes. `is_beyond`: nobody can keep it out: superusers, and what RDS works with.
create or replace function stepgate.fence_writers() returns table (role oid, name text, why text, can_login boolean, is_beyond boolean)
language sql stable
set search_path = pg_catalog
as $fence_writers$
  with me as (
    select oid, rolname from pg_roles where rolname = current_user
  ), objects as materialized (
    select * from stepgate.fence_objects()
  ), holders as materialized (
    -- One right each is enough; logins and groups alike.
    select r.oid, r.rolname, held.why, held.rank from pg_roles r cross join lateral (
      select case when o.owner = r.oid then 'owns ' when o.kind = 'routine' then 'may call ' when o.kind = 'schema' then 'may create in ' else 'may write ' end
        || o.kind || ' ' || o.name as why, case when o.owner = r.oid then 1 else 3 end as rank
      from objects o
      where o.owner = r.oid or not r.rolsuper and case o.kind
        when 'table' then has_table_privilege(r.oid, o.object, 'insert, update, delete, truncate') or has_any_column_privilege(r.oid, o.object, 'insert, update')
        when 'sequence' then has_sequence_privilege(r.oid, o.object, 'usage, update')
        when 'schema' then has_schema_privilege(r.oid, o.object, 'create')
        else has_function_privilege(r.oid, o.object, 'execute') end
      order by o.owner <> r.oid, case o.kind when 'table' then 1 when 'routine' then 2 else 3 end, o.name limit 1) held
    where r.oid <> (select oid from me)
    union all
    select oid, rolname, 'is the role of the run', 2 from me
    union all
    select oid, rolname, 'is a superuser', 2 from pg_roles where rolsuper and oid <> (select oid from me)
  )
  select c.oid, c.rolname::text, reason.why, c.rolcanlogin, c.rolsuper or c.rolname = 'rdsadmin' or starts_with(c.rolname, 'rds_')
  from pg_roles c cross join lateral (
    select case when h.oid = c.oid then h.why else format('is a member of %s, which %s', h.rolname, h.why) end as why, h.rank, h.oid <> c.oid as is_member
    from holders h where pg_has_role(c.oid, h.oid, 'member')
    union all
    select 'may create roles, and so make itself a member of any (PostgreSQL before 16)', 4, false
    where c.rolcreaterole and current_setting('server_version_num')::int < 160000
    order by rank, is_member, why limit 1) reason
  where c.oid <> (select oid from me)
  and (c.rolcanlogin and has_database_privilege(c.oid, current_database(), 'connect')
    or exists (select from pg_stat_activity a where a.usesysid = c.oid and a.datname = current_database()))
$fence_writers$
