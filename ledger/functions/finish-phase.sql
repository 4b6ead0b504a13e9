-- The last word of a phase that is more than one transaction.
create or replace function stepgate.finish_phase(p_run text, p_token bigint, p_plan text, p_phase text, p_result jsonb) returns text
language plpgsql as $finish_phase$
begin
  perform stepgate.enter(p_run, p_token, p_phase);
  update stepgate.phase
  set applied_at = clock_timestamp(),
    result = p_result || jsonb_build_object('durationMs', round(extract(epoch from clock_timestamp() - begun_at) * 1000))
  where plan = p_plan and phase = p_phase and applied_at is null;
  return case when found then 'applied' else 'already' end;
end
$finish_phase$
