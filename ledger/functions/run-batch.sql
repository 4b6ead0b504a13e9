-- One batch: the cursor moves and the rows move in one transaction, so a batch that is repeated, or run beside itself, is the next batch.
-- p_boundary says which key ends a range of p_rows rows, p_move what happens to the range; both come from core/transfer.
-- An undo names its table in p_undoing, so that what goes with its rows is kept, and first locks the range by p_lock, so that no row changes
-- between its copy in the archive and its deletion.
-- The new position is the end of the range that was read, never what the move returned.
-- The phase's row is held until the batch commits, so that an undo begins after it; null when there is nothing left to undo.
create or replace function stepgate.run_batch(
  p_run text, p_token bigint, p_plan text, p_phase text, p_transfer text, p_direction text, p_rows integer, p_boundary text, p_move text,
  p_undoing text, p_lock text
) returns text
language plpgsql as $run_batch$
declare
  is_undoing boolean;
  begun timestamptz;
  cursor_row stepgate.transfer;
  upper_key text;
  moved bigint := 0;
  elapsed_ms numeric := 0;
  counts jsonb := stepgate.write_counts();
begin
  perform stepgate.enter(p_run, p_token, p_transfer || ' ' || p_direction);
  select p.undo_begun_at is not null into is_undoing from stepgate.phase p where p.plan = p_plan and p.phase = p_phase for share;
  if is_undoing is null and p_direction = 'undo' then
    return null;
  end if;
  if is_undoing is distinct from (p_direction = 'undo') then
    raise exception using errcode = 'SG003', message = format('%s %s of phase %s came too late: the phase is %s', p_transfer, p_direction, p_phase,
      case is_undoing when true then 'being undone' when false then 'not being undone' else 'not begun' end);
  end if;
  insert into stepgate.transfer (plan, phase, transfer, direction) values (p_plan, p_phase, p_transfer, p_direction) on conflict do nothing;
  select * into strict cursor_row from stepgate.transfer t
  where t.plan = p_plan and t.phase = p_phase and t.transfer = p_transfer and t.direction = p_direction
  for update;
  if cursor_row.done_at is null then
    begun := clock_timestamp();
    execute stepgate.in_range(p_boundary, cursor_row.last_key, null) using p_rows into upper_key;
    if upper_key is not null then
      if p_undoing is not null then
        perform set_config('stepgate.run', p_run, true), set_config('stepgate.plan', p_plan, true), set_config('stepgate.phase', p_phase, true);
        perform set_config('stepgate.undoing', to_regclass(p_undoing)::oid::text, true);
        execute stepgate.in_range(p_lock, cursor_row.last_key, upper_key);
      end if;
      execute stepgate.in_range(p_move, cursor_row.last_key, upper_key) using p_run;
      get diagnostics moved = row_count;
      -- What waits for the commit would write unseen.
      set constraints all immediate;
      perform stepgate.note_written(p_plan, counts);
      elapsed_ms := extract(epoch from clock_timestamp() - begun) * 1000;
    end if;
    update stepgate.transfer t
    set last_key = coalesce(upper_key, t.last_key),
      rows = t.rows + moved,
      batches = t.batches + (upper_key is not null)::integer,
      working_ms = t.working_ms + elapsed_ms,
      done_at = case when upper_key is null then clock_timestamp() end
    where t.plan = p_plan and t.phase = p_phase and t.transfer = p_transfer and t.direction = p_direction
    returning t.* into cursor_row;
  end if;
  return json_build_object('done', cursor_row.done_at is not null, 'rows', cursor_row.rows, 'batches', cursor_row.batches,
    'workingMs', round(cursor_row.working_ms), 'elapsedMs', round(elapsed_ms));
end
$run_batch$
