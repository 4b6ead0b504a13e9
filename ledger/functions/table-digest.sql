-- Rows and hash sums of a block range of a table, by the text form of whole rows under fixed settings, so that they can be compared across time and clusters.
-- Ranges add up; a null p_to_block means to the end. The row is x.*, because a column may be called like the table's alias.
create or replace function stepgate.table_digest(p_table regclass, p_from_block bigint, p_to_block bigint, out rows bigint, out hash_high numeric, out hash_low numeric)
language plpgsql stable
set TimeZone = 'UTC' set DateStyle = 'ISO, MDY' set IntervalStyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex' set row_security = off
set search_path = pg_catalog
as $table_digest$
begin
  execute format(
    'select count(*), coalesce(sum(high), 0), coalesce(sum(low), 0) from (
       select (''x'' || left(hash, 16))::bit(64)::bigint::numeric as high, (''x'' || right(hash, 16))::bit(64)::bigint::numeric as low
       from (select md5((x.*)::text) as hash from only %s x where x.ctid >= %L::tid %s) hashed) sums',
    p_table, format('(%s,0)', p_from_block),
    case when p_to_block is null then '' else format('and x.ctid < %L::tid', format('(%s,0)', p_to_block)) end)
  into rows, hash_high, hash_low;
end
$table_digest$
