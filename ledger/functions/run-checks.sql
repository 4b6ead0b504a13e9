-- Runs a phase's checks inside its transaction; one of severity fail that fails takes the phase with it.
create or replace function stepgate.run_checks(p_checks jsonb) returns jsonb
language plpgsql as $run_checks$
declare
  item jsonb;
  results jsonb := '[]';
  answer record;
  begun timestamptz;
begin
  for item in select value from jsonb_array_elements(p_checks) with ordinality order by ordinality loop
    begun := clock_timestamp();
    execute item ->> 'sql' into answer;
    results := results || jsonb_build_object('name', item ->> 'name', 'bad', answer.bad, 'detail', answer.detail,
      'durationMs', round(extract(epoch from clock_timestamp() - begun) * 1000));
    if answer.bad::bigint > 0 and item ->> 'severity' = 'fail' then
      raise exception using errcode = 'SG002',
        message = format('%s:%s: check %s found %s, expected none; %s', item ->> 'file', item ->> 'line', item ->> 'name', answer.bad, answer.detail);
    end if;
  end loop;
  return results;
end
$run_checks$
