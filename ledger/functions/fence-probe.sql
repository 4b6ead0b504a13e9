-- Takes the role of everybody whose role may be taken and tries to write every table, rolling back: no right that the catalog's functions miss is left.
-- At most 1,000 tries, about 100 µs each.
create or replace function stepgate.fence_probe(out probed integer, out gaps text[])
language plpgsql
set search_path = pg_catalog
as $fence_probe$
declare
  v_one record;
begin
  probed := 0;
  gaps := '{}';
  for v_one in
    select r.rolname, o.name from pg_roles r cross join stepgate.fence_objects() o join pg_class c on c.oid = o.object and c.relkind in ('r', 'p')
    where o.kind = 'table' and r.rolcanlogin and not r.rolsuper and r.rolname <> current_user
    and pg_has_role(r.oid, case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end)
    order by r.oid, o.object limit 1000
  loop
    probed := probed + 1;
    begin
      perform set_config('role', v_one.rolname, true);
      -- Its rights are looked at before the first row is, and there is none.
      execute format('delete from only %s where false', v_one.name);
      raise exception using errcode = 'SG005', message = 'the trial is over';
    exception
      when insufficient_privilege then null;
      when sqlstate 'SG005' then gaps := gaps || format('role %s could delete from %s', v_one.rolname, v_one.name);
    end;
  end loop;
end
$fence_probe$
