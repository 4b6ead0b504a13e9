-- Takes the lock if its token is still the one that was looked at; the token rises, and every older one is stale from then on.
-- An execution whose run has ended, or was taken over, gets no lock any more: nobody would give it back.
-- An execution that already holds it keeps its token, so asking twice changes nothing; a run that died is held on by the execution that recovers it.
create or replace function stepgate.take_lock(
  p_expected bigint, p_run text, p_plan text, p_digest text, p_mode text, p_execution_arn text, p_started_at timestamptz
) returns text
language plpgsql as $take_lock$
declare
  mine bigint;
begin
  perform set_config('lock_timeout', '800ms', true);
  if exists (
    select from stepgate.run r cross join stepgate.lock l
    where r.run_id = p_run and r.execution_arn = p_execution_arn and l.execution_arn is distinct from p_execution_arn
    and (r.ended_at is not null or l.token > r.token)
  ) then
    raise exception using errcode = 'SG001',
      message = format('run %s has ended, or a newer run took its lock over', p_run),
      hint = 'an invocation of it came late, and touches nothing';
  end if;
  update stepgate.lock set token = token + 1, run_id = p_run, execution_arn = p_execution_arn, taken_at = clock_timestamp()
  where token = p_expected and execution_arn is distinct from p_execution_arn;
  select token into mine from stepgate.lock where run_id = p_run and execution_arn = p_execution_arn;
  if mine is null then
    return null;
  end if;
  insert into stepgate.run (run_id, plan, digest, mode, execution_arn, token, started_at)
  values (p_run, p_plan, p_digest, p_mode, p_execution_arn, mine, p_started_at)
  on conflict (run_id) do update set token = excluded.token;
  return mine::text;
end
$take_lock$
