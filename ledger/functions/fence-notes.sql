-- What others did to the rights that the fence had noted, and what is gone, in words.
create or replace function stepgate.fence_notes(p_plan text) returns text[]
language plpgsql stable
set search_path = pg_catalog
as $fence_notes$
declare
  v_more jsonb;
  v_less jsonb;
begin
  select jsonb_agg(to_jsonb(e)) into v_more from (select * from stepgate.fence_now(p_plan) except select * from stepgate.fence_noted(p_plan, '{given,left}')) e;
  select jsonb_agg(to_jsonb(e)) into v_less from (select * from stepgate.fence_noted(p_plan, '{given,left}') except select * from stepgate.fence_now(p_plan)) e;
  return array(
    select format('%s %s is gone', kind, name) from stepgate.fence_object where plan = p_plan and stepgate.fence_owner(kind, object) is null
    union
    select format('role %s is gone, and with it what it could do with %s %s', e.grantee, f.kind, f.name)
    from stepgate.fence_entry e join stepgate.fence_object f on f.plan = e.plan and f.kind = e.kind and f.object = e.object
    where e.plan = p_plan and e.change = 'taken' and e.grantee <> 0 and not exists (select from pg_roles where oid = e.grantee)
    union
    select 'done by hand meanwhile, and left: ' || statement from stepgate.fence_statements(v_more, true)
    union
    select 'done by hand meanwhile, and left: ' || statement from stepgate.fence_statements(v_less, false)
    order by 1);
end
$fence_notes$
