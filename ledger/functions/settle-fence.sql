-- One look at what may still write though the fence is raised: transactions from before it that have written or are at work, and every session of
-- a role that lost its login. Idle sessions of these end at once; with p_end all of it does. When nothing is left, the fence is up.
create or replace function stepgate.settle_fence(p_run text, p_token bigint, p_plan text, p_end boolean) returns text
language plpgsql as $settle_fence$
declare
  v_holders jsonb;
  v_gaps text[] := '{}';
  v_probed integer := 0;
  v_passing text[] := '{}';
begin
  perform stepgate.enter(p_run, p_token, 'fence');
  -- After the raising is committed, so that whatever may have begun before it is older.
  update stepgate.fence set watched_from = clock_timestamp() where plan = p_plan and watched_from is null;
  v_holders := stepgate.fence_holders(p_plan, p_end);
  if v_holders = '[]' then
    select coalesce(array_agg(format('role %s can write: it %s', name, why)) filter (where not is_beyond and can_login), '{}'),
      coalesce(array_agg(name order by name) filter (where is_beyond), '{}') into v_gaps, v_passing from stepgate.fence_writers();
    select p.probed, v_gaps || p.gaps into v_probed, v_gaps from stepgate.fence_probe() p;
    if v_gaps = '{}' then
      update stepgate.fence set up_at = clock_timestamp() where plan = p_plan and up_at is null;
    end if;
  end if;
  return jsonb_build_object('holders', v_holders, 'gaps', v_gaps, 'passing', v_passing, 'probed', v_probed,
    'objects', (select count(*) from stepgate.fence_object where plan = p_plan),
    'roles', (select coalesce(jsonb_agg(jsonb_build_object('role', name, 'why', why) order by name), '[]') from stepgate.fence_role where plan = p_plan));
end
$settle_fence$
