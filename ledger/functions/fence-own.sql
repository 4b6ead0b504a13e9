-- Which of the noted rights this role has by whatever grant, written as entries that the owner grants it.
create or replace function stepgate.fence_own(p_plan text, p_object oid default null) returns jsonb
language sql stable
set search_path = pg_catalog
as $fence_own$
  select coalesce(jsonb_agg(to_jsonb(own)), '[]') from (
    select distinct e.kind, e.object::bigint, e.part, o.owner::bigint as grantor, me.oid::bigint as grantee, e.privilege, false as is_grantable
    from stepgate.fence_entry e join stepgate.fence_objects() o on o.kind = e.kind and o.object = e.object cross join (select oid from pg_roles where rolname = current_user) me
    where e.plan = p_plan and (p_object is null or e.object = p_object) and case e.kind
      when 'table' then case e.part when 0 then has_table_privilege(e.object, e.privilege) else has_column_privilege(e.object, e.part, e.privilege) end
      when 'sequence' then has_sequence_privilege(e.object, e.privilege)
      when 'schema' then has_schema_privilege(e.object, e.privilege)
      else has_function_privilege(e.object, e.privilege) end) own
$fence_own$
