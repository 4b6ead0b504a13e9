-- Takes locks on some tables, waiting no longer for all of them than for one: who holds the first makes others wait meanwhile.
create or replace function stepgate.lock_soon(p_tables text[], p_mode text) returns void
language plpgsql as $lock_soon$
declare
  deadline constant timestamptz := clock_timestamp() + current_setting('lock_timeout')::interval;
  full_timeout constant text := current_setting('lock_timeout');
  v_table text;
begin
  foreach v_table in array p_tables loop
    perform set_config('lock_timeout', greatest(1, ceil(extract(epoch from deadline - clock_timestamp()) * 1000))::text || 'ms', true);
    execute format('lock table %s in %s mode', v_table, p_mode);
  end loop;
  perform set_config('lock_timeout', full_timeout, true);
end
$lock_soon$
