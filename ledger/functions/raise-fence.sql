-- Takes the rights to write from everybody but this role, and the login from whom that leaves a way; one transaction with what it notes. Repeating it
-- does nothing; a run that goes on where another stopped takes that one's fence over. A refusal leaves everything as it was.
create or replace function stepgate.raise_fence(p_run text, p_token bigint, p_plan text) returns text
language plpgsql as $raise_fence$
declare
  v_is_new boolean;
  v_holder text;
  v_refused text[];
begin
  perform stepgate.enter(p_run, p_token, 'fence');
  select array_agg(format('the fence of plan %s is still up: npx stepgate rollback %1$s, or select stepgate.lower_fence(%1$L)', plan)) into v_refused
  from stepgate.fence where plan <> p_plan;
  if v_refused is not null then
    return jsonb_build_object('isNew', false, 'refused', v_refused);
  end if;
  begin
    insert into stepgate.fence (plan, run_id) values (p_plan, p_run) on conflict do nothing;
    v_is_new := found;
    select run_id into v_holder from stepgate.fence where plan = p_plan for update;
    if v_is_new or v_holder <> p_run then
      perform stepgate.fence_suspend();
      perform stepgate.fence_take(p_plan);
      v_refused := stepgate.fence_shut_out(p_plan) || array(
        select format('subscription %s writes into this database; alter subscription %1$I disable', subname) from pg_catalog.pg_subscription
        where subenabled and subdbid = (select oid from pg_catalog.pg_database where datname = current_database()));
      if v_refused <> '{}' then
        raise exception using errcode = 'SG003', message = 'the fence is refused';
      end if;
      update stepgate.fence set run_id = p_run, raised_at = clock_timestamp(), watched_from = null, up_at = null where plan = p_plan;
    end if;
  exception
    when sqlstate 'SG003' then null;
    when internal_error then
      -- "tuple concurrently updated": somebody else has just changed the same list or role.
      raise exception using errcode = '40001', message = sqlerrm;
  end;
  return jsonb_build_object('isNew', v_is_new, 'refused', coalesce(v_refused, '{}'));
end
$raise_fence$
