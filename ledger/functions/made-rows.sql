-- The query that gives what a table, or columns, that the plan made hold: whole rows; for columns, the key and what is not their default,
-- as it was when they were made. By binary image, because json has no equality and a composite of nulls is null.
create or replace function stepgate.made_rows(p_table oid, p_columns smallint[]) returns text
language sql stable
set search_path = pg_catalog
as $made_rows$
  with columns as (
    select a.attname, a.attnum, format_type(a.atttypid, a.atttypmod) as type, a.attidentity <> '' as is_identity,
      case when a.atthasmissing then format('(%L::%s[])[1]', a.attmissingval::text, format_type(a.atttypid, null)) else pg_get_expr(d.adbin, d.adrelid) end as default_value
    from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = p_table and a.attnum = any (p_columns) and not a.attisdropped and a.attgenerated = ''
  ), keys as (
    select string_agg(quote_ident(a.attname), ', ' order by a.attnum) as list
    from pg_index i join pg_attribute a on a.attrelid = p_table and a.attnum = any (i.indkey) where i.indrelid = p_table and i.indisprimary
  )
  select case
    when p_columns = '{}' then format('select x.* from %s x', stepgate.full_name(p_table))
    when not exists (select from columns) then format('select from %s where false', stepgate.full_name(p_table))
    else format('select %s, %s from only %s where %s', coalesce(k.list, 'ctid'), (select string_agg(quote_ident(attname), ', ' order by attnum) from columns),
      stepgate.full_name(p_table), (select string_agg(case when is_identity then 'true'
        else format('row(%I)::record *<> row((%s)::%s)::record', attname, coalesce(default_value, 'null'), type) end, ' or ' order by attnum) from columns))
  end
  from keys k
$made_rows$
