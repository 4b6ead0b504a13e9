-- An undo that is more than one transaction says that it has begun, so that no later run takes the phase for applied.
create or replace function stepgate.begin_undo(p_run text, p_token bigint, p_plan text, p_phase text) returns text
language plpgsql as $begin_undo$
begin
  perform stepgate.enter(p_run, p_token, 'undo ' || p_phase);
  update stepgate.phase set undo_begun_at = clock_timestamp() where plan = p_plan and phase = p_phase and undo_begun_at is null;
  if not found then
    return 'already';
  end if;
  -- Behind the row, so that of two visits at once one makes the triggers.
  perform stepgate.keep_cascades(p_plan);
  return 'begun';
end
$begin_undo$
