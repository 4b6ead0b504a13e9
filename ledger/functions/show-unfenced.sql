-- What others may do when every fence is lowered, for the rest of this transaction, which the caller rolls back: nobody else sees it.
-- Where this role may not give a login back, that stays as it is. Does nothing where no fence stands.
create or replace function stepgate.show_unfenced() returns text
language plpgsql as $show_unfenced$
declare
  v_role text;
begin
  perform stepgate.fence_suspend();
  for v_role in select r.rolname from stepgate.fence_role f join pg_roles r on r.oid = f.role where f.could_login and not r.rolcanlogin order by 1 loop
    begin
      execute format('alter role %I login', v_role);
    exception
      when insufficient_privilege then null;
    end;
  end loop;
  return 'shown';
end
$show_unfenced$
