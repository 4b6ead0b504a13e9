-- From here on the application may write to the new tables: each role gets there what it has on the old ones, and row-level security says
-- which rows. A plan knows no role by its name, which differs from stage to stage.
--! allow: HIDDEN_STATEMENTS because the statements are grants to the roles of the old tables' grants, and nothing else
do $$
declare
  given record;
begin
  for given in
    select p.into_table, a.privilege_type, case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end as role
    from (
      values
      ('contacts', 'customers'), ('contacts', 'leads'), ('contacts', 'appointments'), ('contact_custom_fields', 'customer_custom_fields'),
      ('contact_custom_fields', 'lead_custom_fields'), ('contact_custom_fields', 'appointment_custom_fields')
    ) p (from_table, into_table)
    join pg_class c on c.oid = to_regclass(p.from_table)
    cross join lateral aclexplode(c.relacl) a
    where a.grantee <> c.relowner and a.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
    order by 1, 2, 3
  loop
    execute format('grant %s on %I to %s', given.privilege_type, given.into_table, given.role);
  end loop;
end $$;
