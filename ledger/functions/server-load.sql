-- What the next batch would meet, of sessions that are not a run's own: how many wait for locks of a run, how many are at work, how many that may
-- be, how far the write-ahead log has come, how many replicas follow it, and how far the slowest one is behind. Null is what this server, or this role, does not tell.
create or replace function stepgate.server_load() returns text
language plpgsql as $server_load$
declare
  waiting bigint;
  active bigint;
  wal_bytes numeric;
  replicas bigint := 0;
  lag_ms numeric;
begin
  select count(distinct l.pid) into waiting from pg_locks l join pg_stat_activity w on w.pid = l.pid
  where not l.granted and not starts_with(coalesce(w.application_name, ''), 'stepgate/') and exists (
    select from unnest(pg_blocking_pids(l.pid)) b join pg_stat_activity a on a.pid = b where starts_with(a.application_name, 'stepgate/'));
  select count(*) into active from pg_stat_activity a
  where a.state = 'active' and a.backend_type = 'client backend' and a.pid <> pg_backend_pid() and not starts_with(a.application_name, 'stepgate/');
  begin
    wal_bytes := pg_current_wal_lsn() - '0/0'::pg_lsn;
    select count(*), max(extract(epoch from r.replay_lag)) * 1000 into replicas, lag_ms from pg_stat_replication r;
  exception
    when others then
      null;
  end;
  return json_build_object('waiting', waiting, 'active', active,
    -- Nobody tells how many processors there are; where RDS sets it, max_worker_processes is at least twice that many.
    'mostActive', least(current_setting('max_worker_processes')::integer, current_setting('max_connections')::integer / 2),
    'walBytes', wal_bytes, 'replicas', replicas, 'lagMs', round(lag_ms), 'atMs', round(extract(epoch from clock_timestamp()) * 1000));
end
$server_load$
