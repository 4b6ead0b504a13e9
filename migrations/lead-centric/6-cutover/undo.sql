--! allow: HIDDEN_STATEMENTS because the statements revoke what roles beside the owner have on the plan's own tables, and nothing else
do $$
declare
  given record;
begin
  for given in
    select c.oid::regclass as relation, a.privilege_type, case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end as role
    from pg_class c
    cross join lateral aclexplode(c.relacl) a
    where a.grantee <> c.relowner and c.oid in (
      to_regclass('customers'), to_regclass('leads'), to_regclass('appointments'),
      to_regclass('customer_custom_fields'), to_regclass('lead_custom_fields'), to_regclass('appointment_custom_fields')
    )
    order by 1, 2, 3
  loop
    execute format('revoke %s on %s from %s', given.privilege_type, given.relation, given.role);
  end loop;
end $$;
