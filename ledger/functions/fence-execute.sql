-- Executes a GRANT or REVOKE as the role that has to say it.
create or replace function stepgate.fence_execute(p_speaker text, p_statement text) returns void
language plpgsql
set search_path = pg_catalog
as $fence_execute$
declare
  v_role text := current_setting('role');
begin
  if p_speaker is not null then
    perform set_config('role', p_speaker, true);
  end if;
  execute p_statement;
  perform set_config('role', v_role, true);
end
$fence_execute$
