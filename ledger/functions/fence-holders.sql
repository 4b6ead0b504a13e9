-- Sessions of others that may still write, ended where they are idle and have no way back, or all of them. Sessions of superusers count for nothing:
-- nobody keeps those out.
create or replace function stepgate.fence_holders(p_plan text, p_end boolean) returns jsonb
language plpgsql
set search_path = pg_catalog
as $fence_holders$
declare
  v_from timestamptz := (select watched_from from stepgate.fence where plan = p_plan);
  -- A statement that was at work already may be inside a routine that writes as its owner; only then need readers be waited for.
  v_by_routine boolean := exists (select from stepgate.fence_objects() where kind = 'routine');
  v_one record;
  v_found jsonb := '[]';
begin
  for v_one in
    select a.pid, a.usename, a.state, a.xact_start, r.role is not null as is_shut_out,
      floor(extract(epoch from clock_timestamp() - coalesce(a.xact_start, a.backend_start)))::int as seconds
    from pg_stat_activity a left join stepgate.fence_role r on r.plan = p_plan and r.role = a.usesysid
    where a.datname = current_database() and a.pid <> pg_backend_pid() and a.usesysid is not null
    and a.backend_type not in ('autovacuum worker', 'parallel worker') and a.usesysid not in (select oid from pg_roles where rolsuper)
    and not (a.usename = current_user and starts_with(a.application_name, 'stepgate/'))
    and (r.role is not null or coalesce(a.xact_start < v_from, a.usename <> current_user and a.state is null)
      and (a.backend_xid is not null or a.usename <> current_user and coalesce(a.state, 'active') = 'active' and (v_by_routine or exists (
        select from pg_locks l where l.pid = a.pid and l.relation is not null and l.mode not in ('AccessShareLock', 'RowShareLock')))))
  loop
    if p_end or v_one.is_shut_out and v_one.state = 'idle' then
      begin
        perform pg_terminate_backend(v_one.pid);
      exception
        when insufficient_privilege then null;
      end;
    end if;
    v_found := v_found || jsonb_build_object('pid', v_one.pid, 'role', v_one.usename, 'seconds', v_one.seconds, 'state', coalesce(v_one.state, 'hidden'));
  end loop;
  return v_found || coalesce((
    select jsonb_agg(jsonb_build_object('pid', null, 'role', owner, 'seconds', floor(extract(epoch from clock_timestamp() - prepared))::int, 'state', 'prepared transaction ' || gid))
    from pg_prepared_xacts where database = current_database()), '[]');
end
$fence_holders$
