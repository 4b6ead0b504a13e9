-- Runs a phase's checks inside its transaction; one of severity fail that fails takes the phase with it, and so does one that cannot run.
create or replace function stepgate.run_checks(p_checks jsonb) returns jsonb
language plpgsql as $run_checks$
declare
  item jsonb;
  place text;
  results jsonb := '[]';
  answer record;
  begun timestamptz;
  v_state text;
  v_message text;
  v_samples text;
begin
  for item in select value from jsonb_array_elements(p_checks) with ordinality order by ordinality loop
    begun := clock_timestamp();
    place := format('%s:%s: check %s', item ->> 'file', item ->> 'line', item ->> 'name');
    begin
      execute item ->> 'sql' into answer;
    exception
      -- What may pass by itself keeps its own state, so that it is tried again.
      when others then
        get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
        raise exception using errcode = v_state, message = place || ': ' || v_message;
    end;
    results := results || jsonb_build_object('name', item ->> 'name', 'bad', answer.bad, 'detail', answer.detail,
      'durationMs', round(extract(epoch from clock_timestamp() - begun) * 1000));
    if answer.bad::bigint > 0 and item ->> 'severity' = 'fail' then
      select string_agg(coalesce(sample, '(null)'), ', ' order by n) into v_samples
      from jsonb_array_elements_text(answer.detail::jsonb -> 'samples') with ordinality as s (sample, n);
      raise exception using errcode = 'SG002', message = concat(place, ' failed: found ', answer.bad, ', expected none',
        ' (' || v_samples || case when answer.bad::bigint > jsonb_array_length(answer.detail::jsonb -> 'samples') then ' …' else '' end || ')');
    end if;
  end loop;
  return results;
end
$run_checks$
