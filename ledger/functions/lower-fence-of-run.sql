-- Lowers the fence as a run, which has to hold the lock.
create or replace function stepgate.lower_fence(p_run text, p_token bigint, p_plan text) returns text
language plpgsql as $lower_fence_of_run$
begin
  perform stepgate.enter(p_run, p_token, 'fence');
  return stepgate.lower_fence(p_plan);
end
$lower_fence_of_run$
