-- Which sessions work in transactions that are older than a moment, and than a transaction of that moment, as json.
-- A role without pg_read_all_stats sees no other role's times: there the transaction's number, or its snapshot's, tells.
create or replace function stepgate.older_sessions(p_at timestamptz, p_xid xid8) returns json
language sql as $older_sessions$
  select coalesce(json_agg(json_build_object('pid', o.pid, 'role', o.role, 'seconds', o.seconds) order by o.seconds desc), '[]')
  from (
    select a.pid, coalesce(a.usename::text, '') as role, coalesce(floor(extract(epoch from clock_timestamp() - a.xact_start)), 0)::integer as seconds
    from pg_stat_activity a
    where a.datname = current_database() and a.pid <> pg_backend_pid() and a.usesysid is not null and a.application_name not like 'stepgate/%'
      and (a.backend_xid is not null or a.backend_xmin is not null)
      and coalesce(a.xact_start < p_at, age(coalesce(a.backend_xmin, a.backend_xid)) >= age(p_xid::xid))
      and not exists (select from pg_stat_replication r where r.pid = a.pid)
    union all
    select 0, p.owner || ' (prepared transaction ' || p.gid || ')', floor(extract(epoch from clock_timestamp() - p.prepared))::integer
    from pg_prepared_xacts p
    where p.database = current_database() and (p.prepared < p_at or age(p.transaction) >= age(p_xid::xid))
  ) o
$older_sessions$
