-- Gives back what was taken of an object, looks whether it is as before, and leaves it taken. SG004 says that it could not be put back.
create or replace function stepgate.fence_try_back(p_plan text, p_object oid) returns void
language plpgsql as $fence_try_back$
declare
  v_differ boolean;
begin
  begin
    perform stepgate.fence_restore(p_plan, p_object);
    select exists ((select * from stepgate.fence_now(p_plan, p_object) except select * from stepgate.fence_noted(p_plan, '{taken,left}', p_object))
      union all (select * from stepgate.fence_noted(p_plan, '{taken,left}', p_object) except select * from stepgate.fence_now(p_plan, p_object))) into v_differ;
    raise exception using errcode = 'SG005', message = 'the trial is over';
  exception
    when sqlstate 'SG005' then null;
  end;
  if v_differ then
    raise exception using errcode = 'SG004', message = 'its grants cannot be put back as they are';
  end if;
end
$fence_try_back$
