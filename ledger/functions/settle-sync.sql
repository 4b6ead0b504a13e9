-- Which sessions work in transactions that are older than the triggers of a phase's side, as a json text; none is noted as settled.
-- A role without pg_read_all_stats sees no other role's times: there the transaction's number, or its snapshot's, tells.
create or replace function stepgate.settle_sync(p_run text, p_token bigint, p_plan text, p_phase text, p_side text) returns text
language plpgsql as $settle_sync$
declare
  installed record;
  older json;
begin
  perform stepgate.enter(p_run, p_token, p_phase || ' sync');
  select max(s.installed_at) as at, max(s.installed_xid) as xid into installed
  from stepgate.sync s where (s.plan, s.phase, s.side) = (p_plan, p_phase, p_side) and s.settled_at is null;
  if installed.at is null then
    return '[]';
  end if;
  select coalesce(json_agg(json_build_object('pid', o.pid, 'role', o.role, 'seconds', o.seconds) order by o.seconds desc), '[]') into older
  from (
    select a.pid, coalesce(a.usename::text, '') as role, coalesce(floor(extract(epoch from clock_timestamp() - a.xact_start)), 0)::integer as seconds
    from pg_stat_activity a
    where a.datname = current_database() and a.pid <> pg_backend_pid() and a.usesysid is not null and a.application_name not like 'stepgate/%'
      and (a.backend_xid is not null or a.backend_xmin is not null)
      and coalesce(a.xact_start < installed.at, age(coalesce(a.backend_xmin, a.backend_xid)) >= age(installed.xid::xid))
      and not exists (select from pg_stat_replication r where r.pid = a.pid)
    union all
    select 0, p.owner || ' (prepared transaction ' || p.gid || ')', floor(extract(epoch from clock_timestamp() - p.prepared))::integer
    from pg_prepared_xacts p
    where p.database = current_database() and (p.prepared < installed.at or age(p.transaction) >= age(installed.xid::xid))
  ) o;
  if json_array_length(older) = 0 then
    update stepgate.sync s set settled_at = clock_timestamp()
    where (s.plan, s.phase, s.side) = (p_plan, p_phase, p_side) and s.settled_at is null;
  end if;
  return older::text;
end
$settle_sync$
