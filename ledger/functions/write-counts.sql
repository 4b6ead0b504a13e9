-- How many columns each table has, a colon, and how many rows this session's transaction has written to it so far and in which file it lies:
-- TRUNCATE and rewrites change that. Triggers' and cascades' rows count too. Where nothing is counted (track_counts), every table looks written.
create or replace function stepgate.write_counts() returns jsonb
language sql volatile
set search_path = pg_catalog
as $write_counts$
  select coalesce(jsonb_object_agg(c.oid, c.relnatts || ':' || concat_ws('/', c.relfilenode, pg_stat_get_xact_tuples_inserted(c.oid),
    pg_stat_get_xact_tuples_updated(c.oid), pg_stat_get_xact_tuples_deleted(c.oid),
    case when not current_setting('track_counts')::boolean then clock_timestamp() end)), '{}')
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'm', 'p') and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'stepgate', 'stepgate_archive')
$write_counts$
