-- The statement that makes stepgate.net_<id>. A row's images cancel: by their text, which is exact under the settings of stepgate.enter, where a key has
-- more than one of a sign, else by their bytes. Its own columns have names that no column of a key has.
create or replace function stepgate.net_images(p_image stepgate.image) returns text
language sql stable
set search_path = pg_catalog
as $net_images$
  with columns as (
    select *, format('row(t.%s)::record', now) as current, format('row((p.stepgate_old).%s)::record', name) as old, format('row((p.stepgate_new).%s)::record', name) as new
    from stepgate.image_columns(p_image)
  ), lists as (
    select string_agg('i.' || name, ', ' order by number) filter (where is_key) as keys,
      string_agg('k.' || name, ', ' order by number) filter (where is_key) as found_keys,
      string_agg('p.' || name, ', ' order by number) filter (where is_key) as pair_keys,
      min('t.' || now) filter (where is_key) as one_key,
      string_agg('i.' || name, ', ' order by number) filter (where not is_computed or is_key) as row_columns,
      coalesce(string_agg(format('%s *= %s', current, old), ' and ' order by number) filter (where not is_computed), 'true') as is_old,
      coalesce(string_agg(format('%s *= %s', current, new), ' and ' order by number) filter (where not is_computed), 'true') as is_new,
      -- Theirs is a value that is neither the phase's nor as before, in a column that the phase changed.
      string_agg(format('case when %2$s *<> %3$s and %1$s *<> %3$s and %1$s *<> %2$s then %4$s::smallint end', current, old, new, number), ', ' order by number)
        filter (where not is_computed) as theirs
    from columns
  )
  select format('create table %12$s as
with keys as materialized (
  select %1$s, coalesce(array_agg(i.ctid) filter (where i.stepgate_sign > 0), ''{}'') as stepgate_olds,
    coalesce(array_agg(i.ctid) filter (where i.stepgate_sign < 0), ''{}'') as stepgate_news
  from %11$s i group by %1$s
), places as (
  select %2$s, k.stepgate_olds[1] as stepgate_old, k.stepgate_news[1] as stepgate_new from keys k
  where cardinality(k.stepgate_olds) <= 1 and cardinality(k.stepgate_news) <= 1
  union all
  select %2$s, s.old, s.new from keys k cross join lateral (
    select (array_agg(u.place) filter (where u.sign > 0))[1] as old, (array_agg(u.place) filter (where u.sign < 0))[1] as new from (
      select (array_agg(i.ctid))[1] as place, sum(i.stepgate_sign) as sign from %11$s i where i.ctid = any (k.stepgate_olds || k.stepgate_news)
      group by row(%5$s)::text having sum(i.stepgate_sign) <> 0
    ) u
  ) s where cardinality(k.stepgate_olds) > 1 or cardinality(k.stepgate_news) > 1
), pairs as (
  select %2$s, (b.*)::%11$s as stepgate_old, (f.*)::%11$s as stepgate_new from places k left join %11$s b on b.ctid = k.stepgate_old left join %11$s f on f.ctid = k.stepgate_new
), changes as (
  select p.*, (p.stepgate_old).stepgate_sign is not null as stepgate_was, (p.stepgate_new).stepgate_sign is not null as stepgate_is from pairs p
)
select %3$s, p.stepgate_old, p.stepgate_new,
  case
    when p.stepgate_was and p.stepgate_is then case when %4$s is null then ''kept'' else ''restore'' end
    when p.stepgate_was then case when %4$s is null then ''restore'' when %7$s then ''same'' else ''kept'' end
    when %4$s is null then ''same'' when %8$s then ''restore'' else ''kept''
  end as stepgate_state,
  case when p.stepgate_was and p.stepgate_is and %4$s is not null then array_remove(array[%9$s]::smallint[], null) else ''{}''::smallint[] end as stepgate_kept
from changes p left join %10$s t on %6$s
where (p.stepgate_was or p.stepgate_is) and not (p.stepgate_was and p.stepgate_is and %13$s)',
    keys, found_keys, pair_keys, one_key, row_columns, stepgate.image_match(p_image, 't.', 'p.'), is_old, is_new, theirs,
    stepgate.full_name(p_image.table_oid), 'stepgate.image_' || p_image.id, 'stepgate.net_' || p_image.id,
    (select string_agg(format('%s *= %s', old, new), ' and ' order by number) from columns where not is_computed or is_key))
  from lists
$net_images$
