-- Undoes a phase in one transaction: its statements run backwards and its row goes. Repeating it does nothing.
-- What others wrote into what the phase made is kept first; p_everything when the undo writes rows, of which p_targets have batches of their own.
-- A failure is kept rather than raised, as in run_phase.
create or replace function stepgate.undo_phase(
  p_run text, p_token bigint, p_plan text, p_phase text, p_statements jsonb, p_everything boolean, p_targets jsonb, p_renaming jsonb default null
) returns text
language plpgsql as $undo_phase$
declare
  counts jsonb := stepgate.write_counts();
  v_state text;
  v_message text;
begin
  perform stepgate.enter(p_run, p_token, 'undo ' || p_phase);
  perform from stepgate.phase where plan = p_plan and phase = p_phase for update;
  if not found then
    return 'already';
  end if;
  begin
    perform stepgate.begin_renaming(p_plan, p_renaming);
    perform stepgate.keep_made(p_run, p_plan, p_phase, p_everything, p_targets);
    -- What the undo's own statements write is not taken for somebody else's.
    perform stepgate.weigh_images(p_run, p_plan, p_phase);
    perform stepgate.fence_suspend();
    perform stepgate.execute_statements(p_statements);
    perform stepgate.end_renaming(p_renaming);
    perform stepgate.fence_renew();
    set constraints all immediate;
    perform stepgate.note_written(p_plan, counts);
    perform set_config('search_path', 'public', true);
    perform stepgate.restore_images(p_run, p_plan, p_phase), stepgate.drop_images(p_plan, p_phase);
    perform stepgate.end_keeping(p_plan, p_phase);
    delete from stepgate.phase where plan = p_plan and phase = p_phase;
  exception
    when others then
      get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
      insert into stepgate.failure (run_id, label, sql_state, message) values (p_run, 'undo ' || p_phase, v_state, v_message);
      return 'failed';
  end;
  return 'undone';
end
$undo_phase$
