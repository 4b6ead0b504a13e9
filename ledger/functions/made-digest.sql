-- Rows and hash sum of what a table, or columns, that the plan made hold, by their text form under fixed settings.
create or replace function stepgate.made_digest(p_table oid, p_columns smallint[]) returns jsonb
language plpgsql
set TimeZone = 'UTC' set DateStyle = 'ISO, MDY' set IntervalStyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex'
as $made_digest$
declare
  digest jsonb;
begin
  execute format('select jsonb_build_object(''rows'', count(*), ''hash'', coalesce(sum((''x'' || left(md5((r.*)::text), 16))::bit(64)::bigint::numeric), 0)) from (%s) r',
    stepgate.made_rows(p_table, p_columns)) into digest;
  return digest;
end
$made_digest$
