-- A phase that is more than one transaction says that it has begun before its first effect, so that an undo knows of it.
create or replace function stepgate.begin_phase(p_run text, p_token bigint, p_plan text, p_phase text, p_ordinal integer, p_digest text) returns text
language plpgsql as $begin_phase$
begin
  perform stepgate.enter(p_run, p_token, p_phase);
  insert into stepgate.phase (plan, phase, ordinal, digest, run_id)
  values (p_plan, p_phase, p_ordinal, p_digest, p_run)
  on conflict do nothing;
  if not found then
    return 'already';
  end if;
  update stepgate.plan set changed_at = clock_timestamp() where plan = p_plan and changed_at is null;
  return 'begun';
end
$begin_phase$
