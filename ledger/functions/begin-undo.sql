-- An undo that is more than one transaction says that it has begun, so that no later run takes the phase for applied.
create or replace function stepgate.begin_undo(p_run text, p_token bigint, p_plan text, p_phase text) returns text
language plpgsql as $begin_undo$
begin
  perform stepgate.enter(p_run, p_token, 'undo ' || p_phase);
  if stepgate.is_undoing(p_plan, p_phase) then
    return 'already';
  end if;
  begin
    -- Who has written to what a sync reads may have asked whether the phase is being undone, and brings a row that the batches do not meet.
    perform stepgate.lock_soon(array(
      select distinct stepgate.full_name(t.tgrelid) from stepgate.sync s cross join unnest(s.functions) f join pg_trigger t on t.tgfoid = to_regprocedure(f || '()')
      where s.plan = p_plan and s.phase = p_phase and s.side = 'source' order by 1), 'share row exclusive');
  exception
    when lock_not_available or deadlock_detected then
      -- Many writers never leave all tables at once: the walk that comes when the sync has ended takes such a row.
      null;
  end;
  update stepgate.phase set undo_begun_at = clock_timestamp() where plan = p_plan and phase = p_phase and undo_begun_at is null;
  if not found then
    return 'already';
  end if;
  -- Behind the row, so that of two visits at once one makes the triggers.
  perform stepgate.keep_cascades(p_plan);
  return 'begun';
end
$begin_undo$
