-- Takes the rights to write everything of the application from all but each object's owner and this role. What could not be put back exactly is left:
-- whoever writes by it loses the login instead. Takes part of the noting, too: afterwards stepgate.fence_entry says what was taken, given and left.
create or replace function stepgate.fence_take(p_plan text) returns void
language plpgsql as $fence_take$
declare
  v_plain oid[];
  v_object oid;
begin
  perform stepgate.fence_note(p_plan);
  -- An owner's own grants are given again by whoever has the owner's rights: no trial is needed.
  v_plain := array(select o.object from stepgate.fence_object f join stepgate.fence_objects() o on o.kind = f.kind and o.object = f.object
    where f.plan = p_plan and pg_has_role(o.owner, 'usage') and not exists (
      select from stepgate.fence_entry e where e.plan = p_plan and e.kind = f.kind and e.object = f.object and e.grantor <> o.owner));
  perform stepgate.fence_take_noted(p_plan, v_plain);
  for v_object in select object from stepgate.fence_object where plan = p_plan and object <> all (v_plain) order by kind, object loop
    begin
      perform stepgate.fence_take_noted(p_plan, array[v_object]), stepgate.fence_try_back(p_plan, v_object);
    exception
      when sqlstate 'SG004' or insufficient_privilege or invalid_grant_operation then
        delete from stepgate.fence_object where plan = p_plan and object = v_object;
    end;
  end loop;
  delete from stepgate.fence_object f where plan = p_plan
  and not exists (select from stepgate.fence_entry e where e.plan = p_plan and e.kind = f.kind and e.object = f.object and e.change <> 'left');
end
$fence_take$
