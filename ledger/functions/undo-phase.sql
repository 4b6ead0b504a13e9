-- Undoes a phase in one transaction: its statements run backwards and its row goes. Repeating it does nothing.
create or replace function stepgate.undo_phase(p_run text, p_token bigint, p_plan text, p_phase text, p_statements jsonb) returns text
language plpgsql as $undo_phase$
begin
  perform stepgate.enter(p_run, p_token, 'undo ' || p_phase);
  delete from stepgate.phase where plan = p_plan and phase = p_phase;
  if not found then
    return 'already';
  end if;
  perform stepgate.execute_statements(p_statements);
  return 'undone';
end
$undo_phase$
