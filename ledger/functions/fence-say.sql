-- Grants or revokes entries as far as it may: a statement over many objects that fails for one of them is said for each.
create or replace function stepgate.fence_say(p_entries jsonb, p_grants boolean) returns void
language plpgsql as $fence_say$
declare
  v_one record;
  v_each oid;
begin
  for v_one in select * from stepgate.fence_statements(p_entries, p_grants) order by speaker is not null, statement loop
    begin
      perform stepgate.fence_execute(v_one.speaker, v_one.statement);
    exception
      when insufficient_privilege or invalid_grant_operation then
        continue when cardinality(v_one.objects) = 1;
        foreach v_each in array v_one.objects loop
          perform stepgate.fence_say((select jsonb_agg(value) from jsonb_array_elements(p_entries) where (value ->> 'object')::oid = v_each), p_grants);
        end loop;
    end;
  end loop;
end
$fence_say$
