-- Takes again what fence_suspend gave back, and what a phase has made and granted since. Whom the phase has given a way to write loses the login, too;
-- until their sessions are ended, the fence is not up.
create or replace function stepgate.fence_renew() returns void
language plpgsql as $fence_renew$
declare
  v_plan text;
  v_refused text[];
  v_roles bigint := (select count(*) from stepgate.fence_role);
begin
  for v_plan in select plan from stepgate.fence loop
    perform stepgate.fence_take(v_plan);
    v_refused := stepgate.fence_shut_out(v_plan);
    if v_refused <> '{}' then
      raise exception using errcode = '55000', message = format('the phase lets others write behind the fence: %s', array_to_string(v_refused, '; '));
    end if;
    update stepgate.fence set up_at = null where plan = v_plan and v_roles <> (select count(*) from stepgate.fence_role);
  end loop;
end
$fence_renew$
