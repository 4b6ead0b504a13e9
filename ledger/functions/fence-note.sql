-- Notes every object that somebody else than its owner and this role may write, with all entries by which anybody may.
create or replace function stepgate.fence_note(p_plan text) returns void
language sql as $fence_note$
  insert into stepgate.fence_object (plan, kind, object, name, former)
  select p_plan, kind, object, name, string_agg(distinct list, '; ') from stepgate.fence_entries()
  group by kind, object, name, owner
  having bool_or(grantee not in (owner, (select oid from pg_catalog.pg_roles where rolname = current_user)));
  insert into stepgate.fence_entry (plan, kind, object, part, grantor, grantee, privilege, is_grantable, change)
  select p_plan, n.*, 'left' from stepgate.fence_now(p_plan) n
$fence_note$
