-- Gives everything back inside a transaction that will take it again, so that a phase changes the grants that will be in force and not the fence's:
-- nobody else sees it. Roles stay as they are.
create or replace function stepgate.fence_suspend() returns void
language plpgsql as $fence_suspend$
declare
  v_plan text;
  v_left text[];
begin
  for v_plan in select plan from stepgate.fence loop
    v_left := stepgate.fence_restore(v_plan);
    if v_left <> '{}' then
      raise exception using errcode = '55000', message = format('what the fence took cannot be given back: %s', v_left[1]);
    end if;
    delete from stepgate.fence_object where plan = v_plan;
  end loop;
end
$fence_suspend$
