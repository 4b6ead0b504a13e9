--! check: row-level-security-is-on-and-spares-the-owner, fail, no rows
select t.name::name
from unnest(array['customers', 'leads', 'appointments', 'customer_custom_fields', 'lead_custom_fields', 'appointment_custom_fields']) t (name)
left join pg_class c on c.oid = to_regclass(t.name)
where c.relrowsecurity is not true or c.relforcerowsecurity;

--! check: each-table-has-one-policy-per-command, fail, no rows
select (t.name || ' ' || a.command)::name
from unnest(array['customers', 'leads', 'appointments', 'customer_custom_fields', 'lead_custom_fields', 'appointment_custom_fields']) t (name)
cross join unnest(array['r', 'a', 'w', 'd']) a (command)
left join pg_policy p on p.polrelid = to_regclass(t.name) and p.polcmd = a.command::"char"
group by t.name, a.command
having count(p.oid) <> 1;

--! check: policies-that-admit-everybody, fail, no rows
select p.polname
from pg_policy p
join pg_class c on c.oid = p.polrelid
where c.oid in (
  to_regclass('customers'), to_regclass('leads'), to_regclass('appointments'),
  to_regclass('customer_custom_fields'), to_regclass('lead_custom_fields'), to_regclass('appointment_custom_fields')
)
and (
  pg_get_expr(p.polqual, p.polrelid) = 'true'
  or pg_get_expr(p.polwithcheck, p.polrelid) = 'true'
  or p.polcmd in ('r', 'w', 'd') and p.polqual is null
  or p.polcmd in ('a', 'w') and p.polwithcheck is null
);
