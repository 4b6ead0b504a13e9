-- Takes the login from every role that can still write. Answers those of which this role may not take it, and why they are in the way.
create or replace function stepgate.fence_shut_out(p_plan text) returns text[]
language plpgsql
set search_path = pg_catalog
as $fence_shut_out$
declare
  v_one record;
  v_refused text[] := '{}';
begin
  for v_one in select * from stepgate.fence_writers() where not is_beyond order by role loop
    begin
      if v_one.can_login then
        execute format('alter role %I nologin', v_one.name);
      end if;
      insert into stepgate.fence_role (plan, role, name, why, could_login) values (p_plan, v_one.role, v_one.name, v_one.why, v_one.can_login) on conflict do nothing;
    exception
      when insufficient_privilege then
        v_refused := v_refused || format('role %s could write on, since it %s, and role %s may not take its login: %s', v_one.name, v_one.why, current_user,
          case when current_setting('server_version_num')::int >= 160000 then format('grant %I to %I with admin option', v_one.name, current_user)
            else format('alter role %I createrole', current_user) end);
    end;
  end loop;
  return v_refused;
end
$fence_shut_out$
