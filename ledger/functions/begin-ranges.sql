-- Cuts a transfer's keys into at most p_ranges ranges, a cursor for each, once; gives how many there are. The outer ones are open: keys that come
-- later belong to them. Cut where the key's statistics say, or, without any, by counting over the index of a table that is small enough for that.
create or replace function stepgate.begin_ranges(
  p_run text, p_token bigint, p_plan text, p_phase text, p_transfer text, p_ranges integer, p_sql jsonb
) returns integer
language plpgsql as $begin_ranges$
declare
  -- Ten million rows of a hundred bytes, over whose index is counted in seconds.
  most_counted constant bigint := 1073741824;
  source oid := to_regclass(p_sql ->> 'table');
  target oid := to_regclass(p_sql ->> 'into');
  begun integer;
  histogram text[];
  total bigint;
  bound text;
  bounds text[] := '{}';
begin
  perform stepgate.enter(p_run, p_token, p_transfer || ' ranges');
  -- One caller at a time; who comes second finds what the first has cut.
  perform from stepgate.phase p where p.plan = p_plan and p.phase = p_phase for update;
  select count(*) into begun from stepgate.transfer t where t.plan = p_plan and t.phase = p_phase and t.transfer = p_transfer and t.direction = 'up';
  if begun > 0 then
    return begun;
  end if;
  select s.histogram_bounds::text::text[] into histogram
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  join pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname and s.attname = p_sql ->> 'leading'
  where c.oid = source order by s.inherited desc limit 1;
  if cardinality(histogram) > p_ranges then
    for i in 1 .. p_ranges - 1 loop
      execute stepgate.in_range(p_sql ->> 'first', histogram[1 + i * (cardinality(histogram) - 1) / p_ranges], null) into bound;
      bounds := bounds || bound;
    end loop;
  elsif coalesce((select sum(pg_relation_size(relid)) from pg_partition_tree(source)), pg_relation_size(source)) <= most_counted then
    execute format('select count(*) from %s', stepgate.full_name(source)) into total;
    for i in 1 .. least(p_ranges, total) - 1 loop
      execute stepgate.in_range(p_sql ->> 'boundary', bound, null) using (total / least(p_ranges, total))::integer into bound;
      bounds := bounds || bound;
    end loop;
  end if;
  -- Where statistics are old, or few values begin many keys, two cuts are one.
  select coalesce(array_agg(b order by n), '{}') into bounds
  from (select b, n, lag(b) over (order by n) as before from unnest(bounds) with ordinality as u (b, n) where b is not null) cuts
  where b is distinct from before;
  -- As note_written would say it at the end of each range's first batch, where they would wait for one another.
  insert into stepgate.written (plan, table_oid) values (p_plan, target) on conflict do nothing;
  update stepgate.made m set rows = -1 where m.plan = p_plan and m.table_oid = target and m.rows <> -1;
  insert into stepgate.transfer (plan, phase, transfer, direction, range_number, last_key, upper_key)
  select p_plan, p_phase, p_transfer, 'up', i, case when i > 0 then bounds[i] end, bounds[i + 1] from generate_series(0, cardinality(bounds)) i;
  return cardinality(bounds) + 1;
end
$begin_ranges$
