-- A transactional phase: its row, its statements and its checks commit together or not at all. Repeating it does nothing.
-- A failure is kept rather than raised: the caller of a phase that takes more than the Data API's 45 s gets no answer.
create or replace function stepgate.run_phase(
  p_run text, p_token bigint, p_plan text, p_phase text, p_ordinal integer, p_digest text, p_statements jsonb, p_checks jsonb, p_protect jsonb,
  p_renaming jsonb default null
) returns text
language plpgsql as $run_phase$
declare
  begun timestamptz := clock_timestamp();
  counts jsonb := stepgate.write_counts();
  statements integer;
  outcome jsonb;
  v_state text;
  v_message text;
begin
  perform stepgate.enter(p_run, p_token, p_phase);
  insert into stepgate.phase (plan, phase, ordinal, digest, run_id, begun_at)
  values (p_plan, p_phase, p_ordinal, p_digest, p_run, begun)
  on conflict do nothing;
  if not found then
    return 'already';
  end if;
  begin
    update stepgate.plan set changed_at = clock_timestamp() where plan = p_plan and changed_at is null;
    perform stepgate.begin_renaming(p_plan, p_renaming);
    perform stepgate.begin_images(p_plan, p_phase, p_protect);
    perform stepgate.fence_suspend();
    statements := stepgate.execute_statements(p_statements);
    perform stepgate.end_renaming(p_renaming);
    -- What waits for the commit is checked now: a commit that fails late would be told to nobody.
    set constraints all immediate;
    -- The plan's own statements may have moved the path; the checks are written for the default.
    perform set_config('search_path', 'public', true);
    outcome := jsonb_build_object('statements', statements, 'checks', stepgate.run_checks(p_checks));
    perform stepgate.fence_renew();
    perform stepgate.note_written(p_plan, counts), stepgate.note_made(p_plan, p_phase, counts);
    perform stepgate.keep_images(p_plan, p_phase);
  exception
    when others then
      get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
      delete from stepgate.phase where plan = p_plan and phase = p_phase;
      insert into stepgate.failure (run_id, label, sql_state, message) values (p_run, p_phase, v_state, v_message);
      return 'failed';
  end;
  update stepgate.phase
  set applied_at = clock_timestamp(),
    result = outcome || jsonb_build_object('durationMs', round(extract(epoch from clock_timestamp() - begun) * 1000))
  where plan = p_plan and phase = p_phase;
  return 'applied';
end
$run_phase$
