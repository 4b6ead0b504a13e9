-- Privileges in one order: GRANT and REVOKE move the entries of an access list about.
create or replace function stepgate.acl_text(p_acl aclitem[]) returns text
language sql immutable as $acl_text$
  select string_agg(item::text, ',' order by item::text collate "C") from unnest(p_acl) item
$acl_text$
