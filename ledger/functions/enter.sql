-- Opens every effect: refuses a stale token, labels the backend, and makes the session's settings what the plan was written for.
-- The lock row is held for share until the effect commits, so a takeover waits for it.
create or replace function stepgate.enter(p_run text, p_token bigint, p_label text) returns void
language plpgsql as $enter$
declare
  holder text;
begin
  perform set_config('application_name', stepgate.backend_label(p_run, p_label), true);
  -- Far below deadlock_timeout (1 s), so that the run gives way and never the application, which waits no longer behind a lock that we wait for.
  perform set_config('lock_timeout', '200ms', true);
  perform set_config('search_path', 'public', true);
  perform set_config('row_security', 'off', true);
  perform set_config('TimeZone', 'UTC', true);
  perform set_config('DateStyle', 'ISO, MDY', true);
  perform set_config('IntervalStyle', 'postgres', true);
  perform set_config('extra_float_digits', '1', true);
  perform set_config('standard_conforming_strings', 'on', true);
  perform set_config('statement_timeout', '0', true);
  perform set_config('idle_in_transaction_session_timeout', '0', true);
  perform set_config('default_transaction_read_only', 'off', true);
  select l.run_id into holder from stepgate.lock l where l.token = p_token and l.run_id = p_run for share;
  if holder is null then
    raise exception using errcode = 'SG001',
      message = format('run %s no longer holds the lock with token %s', p_run, p_token),
      hint = 'a newer run took it over; this one must not touch anything';
  end if;
end
$enter$
