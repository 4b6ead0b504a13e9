-- Rows and hash sum of what a table, or columns, that the plan made hold; under enter's settings, so that two moments can be compared.
create or replace function stepgate.made_digest(p_thing jsonb) returns jsonb
language plpgsql as $made_digest$
declare
  digest jsonb;
begin
  execute format('select jsonb_build_object(''rows'', count(*), ''hash'', coalesce(sum((''x'' || left(md5((r.*)::text), 16))::bit(64)::bigint::numeric), 0)) from (%s) r',
    stepgate.made_rows(p_thing)) into digest;
  return digest;
end
$made_digest$
