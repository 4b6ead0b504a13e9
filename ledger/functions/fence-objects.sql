-- What of the application its data can be written through: tables, views, sequences, schemas (whoever may create in one may shadow a table),
-- and volatile routines that run with the rights of an owner who may write. A routine that is not volatile cannot write (PostgreSQL, Function Volatility
-- Categories); a trigger's can be called by nobody. What belongs to an extension stays as it is.
create or replace function stepgate.fence_objects() returns table (kind text, object oid, name text, owner oid)
language sql stable
set search_path = pg_catalog
as $fence_objects$
  with namespaces as (
    select oid, nspname, nspowner from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', 'stepgate', 'stepgate_archive')
  ), of_extensions as (
    select classid, objid from pg_depend where deptype = 'e'
  ), relations as (
    select c.oid, c.relkind, c.relowner, format('%I.%I', n.nspname, c.relname) as name
    from pg_class c join namespaces n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'f', 'S') and c.relpersistence <> 't' and ('pg_class'::regclass, c.oid) not in (select classid, objid from of_extensions)
  ), routines as (
    select f.oid, f.proowner, format('%I.%I(%s)', n.nspname, f.proname, pg_get_function_identity_arguments(f.oid)) as name
    from pg_proc f join namespaces n on n.oid = f.pronamespace
    where f.prosecdef and f.provolatile = 'v' and f.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
    and ('pg_proc'::regclass, f.oid) not in (select classid, objid from of_extensions)
  ), owners as (
    select o.proowner from (select distinct proowner from routines) o
    where exists (select from relations t where t.relkind <> 'S'
      and (has_table_privilege(o.proowner, t.oid, 'insert, update, delete, truncate') or has_any_column_privilege(o.proowner, t.oid, 'insert, update')))
  )
  select case relkind when 'S' then 'sequence' else 'table' end, oid, name, relowner from relations
  union all
  select 'schema', oid, format('%I', nspname), nspowner from namespaces
  union all
  select 'routine', oid, name, proowner from routines where proowner in (select proowner from owners)
$fence_objects$
