-- Executes a plan's statements one after another; the failing one is named by number, file and line.
create or replace function stepgate.execute_statements(p_statements jsonb) returns integer
language plpgsql as $execute_statements$
declare
  statement jsonb;
  count integer := 0;
  v_state text;
  v_message text;
  v_detail text;
  v_hint text;
begin
  for statement in select value from jsonb_array_elements(p_statements) with ordinality order by ordinality loop
    begin
      execute statement ->> 'sql';
    exception
      -- What may pass by itself keeps its own state, so that it is tried again.
      when others then
        get stacked diagnostics v_state = returned_sqlstate, v_message = message_text, v_detail = pg_exception_detail, v_hint = pg_exception_hint;
        raise exception using errcode = v_state,
          message = format('%s:%s: statement %s: %s', statement ->> 'file', statement ->> 'line', statement ->> 'number', v_message),
          detail = v_detail, hint = v_hint;
    end;
    count := count + 1;
  end loop;
  return count;
end
$execute_statements$
