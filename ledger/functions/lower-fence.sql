-- Gives back every right and every login that the fence took; repeating it does nothing. What is gone meanwhile is passed over, what others granted or
-- took meanwhile stays; both are named in `notes`. What this role could not give back stays noted and is named in `stuck`: run it again.
-- A person whose run is dead calls it as it is: select stepgate.lower_fence('plan').
create or replace function stepgate.lower_fence(p_plan text) returns text
language plpgsql
set search_path = pg_catalog
as $lower_fence$
declare
  v_role record;
  v_objects bigint;
  v_roles integer := 0;
  v_notes text[] := '{}';
  v_stuck text[] := '{}';
  v_raised timestamptz;
begin
  select raised_at into v_raised from stepgate.fence where plan = p_plan for update;
  if not found then
    return jsonb_build_object('wasUp', false, 'objects', 0, 'roles', 0, 'stoodMs', 0, 'notes', v_notes, 'stuck', v_stuck);
  end if;
  v_objects := (select count(*) from stepgate.fence_object where plan = p_plan);
  v_notes := stepgate.fence_notes(p_plan);
  v_stuck := stepgate.fence_restore(p_plan);
  for v_role in select f.*, r.rolname, r.rolcanlogin from stepgate.fence_role f left join pg_roles r on r.oid = f.role where f.plan = p_plan order by f.role loop
    begin
      if v_role.rolname is null then
        v_notes := v_notes || format('role %s is gone', v_role.name);
      elsif v_role.could_login and v_role.rolcanlogin then
        v_notes := v_notes || format('role %s was given its login back meanwhile', v_role.rolname);
      elsif v_role.could_login then
        execute format('alter role %I login', v_role.rolname);
        v_roles := v_roles + 1;
      end if;
      delete from stepgate.fence_role where plan = p_plan and role = v_role.role;
    exception
      when insufficient_privilege then v_stuck := v_stuck || format('alter role %I login', v_role.rolname);
    end;
  end loop;
  -- What came back needs no second time; where something is stuck, all stays noted.
  if v_stuck = '{}' then
    delete from stepgate.fence where plan = p_plan;
  end if;
  return jsonb_build_object('wasUp', true, 'objects', v_objects, 'roles', v_roles, 'stoodMs', round(extract(epoch from clock_timestamp() - v_raised) * 1000), 'notes', v_notes, 'stuck', v_stuck);
exception
  when internal_error then
    raise exception using errcode = '40001', message = sqlerrm;
end
$lower_fence$
