-- FORCE ROW LEVEL SECURITY hides rows from their owner; says whether it was lifted, so that it is put back.
create or replace function stepgate.lift_row_security(p_table oid) returns boolean
language plpgsql as $lift_row_security$
begin
  if (select relforcerowsecurity from pg_class where oid = p_table) then
    execute format('alter table %s no force row level security', stepgate.full_name(p_table));
    return true;
  end if;
  return false;
end
$lift_row_security$
