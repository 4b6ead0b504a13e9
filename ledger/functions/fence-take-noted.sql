-- Takes what is noted of these objects; this role keeps what it could do. SG004 where it could not.
create or replace function stepgate.fence_take_noted(p_plan text, p_objects oid[]) returns void
language plpgsql
set search_path = pg_catalog
as $fence_take_noted$
declare
  v_me oid := (select oid from pg_roles where rolname = current_user);
  v_one oid := case when cardinality(p_objects) = 1 then p_objects[1] end;
  v_own jsonb := stepgate.fence_own(p_plan, v_one);
  v_others jsonb;
  v_before jsonb;
  v_after jsonb;
begin
  select jsonb_agg(to_jsonb(n)), jsonb_agg(to_jsonb(n)) filter (where n.grantee not in (v_me, o.owner)) into v_before, v_others
  from stepgate.fence_noted(p_plan, '{left}', v_one) n join stepgate.fence_objects() o on o.kind = n.kind and o.object = n.object
  where n.object = any (p_objects);
  perform stepgate.fence_say(v_others, false);
  -- What this role could do through others it can no more: it gets it itself.
  perform stepgate.fence_say(stepgate.fence_except(v_own, stepgate.fence_own(p_plan, v_one)), true);
  if stepgate.fence_except(v_own, stepgate.fence_own(p_plan, v_one)) <> '[]' then
    raise exception using errcode = 'SG004', message = 'this role could not write any more';
  end if;
  select jsonb_agg(to_jsonb(n)) into v_after from stepgate.fence_now(p_plan, v_one) n where n.object = any (p_objects);
  -- Sets of json, since a join over rows that were never analyzed is one of all with all.
  delete from stepgate.fence_entry where plan = p_plan and object = any (p_objects);
  insert into stepgate.fence_entry (plan, kind, object, part, grantor, grantee, privilege, is_grantable, change)
  select p_plan, e.*, changes.change
  from (values ('taken', stepgate.fence_except(v_before, v_after)), ('given', stepgate.fence_except(v_after, v_before)),
    ('left', stepgate.fence_except(v_after, stepgate.fence_except(v_after, v_before)))) changes (change, entries)
  cross join jsonb_to_recordset(changes.entries) as e (kind text, object oid, part smallint, grantor oid, grantee oid, privilege text, is_grantable boolean);
end
$fence_take_noted$
