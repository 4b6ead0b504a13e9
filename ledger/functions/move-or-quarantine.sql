-- Moves a range whose bad rows go to the quarantine: by the plan's conditions in the same statement; where a row has no mapping, or the target
-- takes none like it, by moving the range's first rows one by one, each in a block of its own. What is said of such a row holds none of its values.
-- A key that is there already is no bad row, nor is one that refers to a row which a repair may bring: that one waits for a repair, too.
create or replace function stepgate.move_or_quarantine(
  p_plan text, p_transfer text, p_sql jsonb, p_after text, p_upto text,
  out upto text, out mapped bigint, out quarantined bigint, out moved bigint, out is_apart boolean
)
language plpgsql as $move_or_quarantine$
declare
  -- At half a millisecond a row: not much longer than a batch beside the application may take.
  few constant integer := 200;
  apart jsonb := p_sql -> 'apart';
  keys text[];
  one text;
  one_mapped bigint;
  one_quarantined bigint;
  one_moved bigint;
  original json;
  v_state text;
  v_message text;
  v_constraint text;
  v_column text;
  v_context text;
begin
  upto := p_upto;
  is_apart := false;
  begin
    execute stepgate.in_range(p_sql ->> 'move', p_after, p_upto) into mapped, quarantined, moved;
    set constraints all immediate;
    return;
  exception
    when data_exception or integrity_constraint_violation then
      if sqlstate = '23505' then
        raise;
      end if;
  end;
  is_apart := true;
  mapped := 0;
  quarantined := 0;
  moved := 0;
  execute stepgate.in_range(apart ->> 'keys', p_after, p_upto) using few into keys;
  upto := coalesce(keys[cardinality(keys)], p_upto);
  foreach one in array coalesce(keys, '{}') loop
    begin
      execute stepgate.in_range(apart ->> 'move', null, null, array[one]) into one_mapped, one_quarantined, one_moved;
      set constraints all immediate;
    exception
      when data_exception or integrity_constraint_violation then
        get stacked diagnostics v_state = returned_sqlstate, v_message = message_text, v_constraint = constraint_name, v_column = column_name,
          v_context = pg_exception_context;
        if v_state = '23505' then
          raise;
        end if;
        one_mapped := 1;
        one_moved := 0;
        one_quarantined := 1;
        if v_state = '23503' and p_sql ->> 'later' is not null and stepgate.is_repair_due(p_plan) then
          insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, columns, sql_state)
          values (p_plan, p_transfer, 'source', one, 'update', 'failed', '{}', v_state);
          one_quarantined := 0;
        else
          execute stepgate.in_range(apart ->> 'original', null, null, array[one]) into original;
          insert into stepgate.quarantine (plan, transfer, key, reason, original)
          values (p_plan, p_transfer, one, stepgate.reason_without_values(v_state, v_message, v_constraint, v_column, v_context), original)
          on conflict (plan, transfer, key) do nothing;
        end if;
    end;
    mapped := mapped + one_mapped;
    quarantined := quarantined + one_quarantined;
    moved := moved + one_moved;
  end loop;
end
$move_or_quarantine$
