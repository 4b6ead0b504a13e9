-- One batch: the cursor moves and the rows move in one transaction, so a batch that is repeated, or run beside itself, is the next batch.
-- p_sql holds the texts of core/transfer/batch-sql.ts: `boundary` says which key ends a range of p_rows rows, `move` what happens to the range.
-- An undo names its table as `undoing`, so that what goes with its rows is kept, and first locks the range by `lock`, so that no row changes
-- between its copy in the archive and its deletion.
-- Where others write the same table, `contested` takes the place of a move that met a row which came meanwhile. A row that refers to one that is
-- not there is read once more; where it still does and a repair is due, of that one perhaps, `later` leaves the range to a repair, too.
-- The new position is the end of the range that was read, never what the move returned.
-- The phase's row is held until the batch commits, so that an undo begins after it; null when there is nothing left to undo.
create or replace function stepgate.run_batch(
  p_run text, p_token bigint, p_plan text, p_phase text, p_transfer text, p_direction text, p_range integer, p_rows integer, p_sql jsonb
) returns text
language plpgsql as $run_batch$
declare
  is_undoing boolean;
  begun timestamptz;
  found_at timestamptz;
  ended timestamptz;
  cursor_row stepgate.transfer;
  upto text;
  v_mapped bigint := 0;
  v_quarantined bigint := 0;
  v_moved bigint := 0;
  is_apart boolean := false;
  move text := p_sql ->> 'move';
  is_orphaned boolean := false;
  waiting bigint := 0;
  counts jsonb := stepgate.write_counts();
begin
  perform stepgate.enter(p_run, p_token, p_transfer || ' ' || p_direction);
  -- What a batch writes is no change of the application's: the triggers of a sync do not carry it on.
  perform set_config('stepgate.guard', '*', true);
  select p.undo_begun_at is not null into is_undoing from stepgate.phase p where p.plan = p_plan and p.phase = p_phase for share;
  if is_undoing is null and p_direction = 'undo' then
    return null;
  end if;
  if is_undoing is distinct from (p_direction = 'undo') then
    raise exception using errcode = 'SG003', message = format('%s %s of phase %s came too late: the phase is %s', p_transfer, p_direction, p_phase,
      case is_undoing when true then 'being undone' when false then 'not being undone' else 'not begun' end);
  end if;
  insert into stepgate.transfer (plan, phase, transfer, direction, range_number) values (p_plan, p_phase, p_transfer, p_direction, p_range)
  on conflict do nothing;
  select * into strict cursor_row from stepgate.transfer t
  where t.plan = p_plan and t.phase = p_phase and t.transfer = p_transfer and t.direction = p_direction and t.range_number = p_range
  for update;
  begun := clock_timestamp();
  found_at := begun;
  ended := begun;
  if cursor_row.done_at is null then
    execute stepgate.in_range(p_sql ->> 'boundary', cursor_row.last_key, cursor_row.upper_key) using p_rows into upto;
    found_at := clock_timestamp();
    if upto is not null then
      if p_sql ->> 'undoing' is not null then
        perform set_config('stepgate.run', p_run, true), set_config('stepgate.plan', p_plan, true), set_config('stepgate.phase', p_phase, true);
        perform set_config('stepgate.undoing', to_regclass(p_sql ->> 'undoing')::oid::text, true);
        execute stepgate.in_range(p_sql ->> 'lock', cursor_row.last_key, upto);
      end if;
      loop
        begin
          if p_sql ->> 'apart' is not null then
            select m.upto, m.mapped, m.quarantined, m.moved, m.is_apart into strict upto, v_mapped, v_quarantined, v_moved, is_apart
            from stepgate.move_or_quarantine(p_plan, p_transfer, p_sql || jsonb_build_object('move', move), cursor_row.last_key, upto) m;
          else
            execute stepgate.in_range(move, cursor_row.last_key, upto) using p_run;
            get diagnostics v_moved = row_count;
            v_mapped := v_moved;
          end if;
          -- What waits for the commit would write, or fail, unseen.
          set constraints all immediate;
          exit;
        exception
          when unique_violation then
            -- A row came while the statement ran: once more with what can bear that, in a new snapshot. Nothing of the first try is left.
            if coalesce(p_sql ->> 'contested', move) = move then
              raise;
            end if;
            move := p_sql ->> 'contested';
          when foreign_key_violation then
            if is_orphaned and p_sql ->> 'later' is not null and stepgate.is_repair_due(p_plan) then
              execute stepgate.in_range(p_sql ->> 'later', cursor_row.last_key, upto);
              v_moved := 0;
              exit;
            end if;
            if is_orphaned or p_sql ->> 'later' is null then
              raise;
            end if;
            is_orphaned := true;
        end;
      end loop;
      perform stepgate.note_written(p_plan, counts);
      ended := clock_timestamp();
      if (p_sql ->> 'isLive')::boolean then
        -- Others of this run, which copy ranges beside this one, are used to it.
        select count(distinct l.pid) into waiting from pg_locks l left join pg_stat_activity w on w.pid = l.pid
        where not l.granted and not starts_with(coalesce(w.application_name, ''), 'stepgate/') and pg_backend_pid() = any (pg_blocking_pids(l.pid));
      end if;
    elsif p_direction = 'undo' then
      delete from stepgate.quarantine q where q.plan = p_plan and q.transfer = p_transfer;
    end if;
    update stepgate.transfer t
    set last_key = coalesce(upto, t.last_key),
      rows = t.rows + v_moved,
      mapped = t.mapped + v_mapped,
      quarantined = t.quarantined + v_quarantined,
      batches = t.batches + (upto is not null)::integer,
      working_ms = t.working_ms + extract(epoch from ended - begun) * 1000,
      pausing_for = null,
      done_at = case when upto is null then clock_timestamp() end
    where t.plan = p_plan and t.phase = p_phase and t.transfer = p_transfer and t.direction = p_direction and t.range_number = p_range
    returning t.* into cursor_row;
  end if;
  return json_build_object('done', cursor_row.done_at is not null, 'rows', cursor_row.rows, 'batches', cursor_row.batches,
    'workingMs', round(cursor_row.working_ms), 'boundaryMs', round(extract(epoch from found_at - begun) * 1000),
    'elapsedMs', round(extract(epoch from ended - found_at) * 1000), 'waiting', waiting, 'isApart', is_apart);
end
$run_batch$
