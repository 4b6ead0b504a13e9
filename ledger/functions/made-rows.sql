-- The query that gives what a table, or columns, that the plan made hold: whole rows; for columns, the key and what is not their default.
-- By binary image, because json has no equality. p_thing is {"name", "columns": []}; no columns mean the table.
create or replace function stepgate.made_rows(p_thing jsonb) returns text
language sql stable
set search_path = pg_catalog
as $made_rows$
  with made as (
    select to_regclass(p_thing ->> 'name')::oid as oid, array(select jsonb_array_elements_text(p_thing -> 'columns')) as names
  ), columns as (
    select a.attname, a.attnum, format_type(a.atttypid, a.atttypmod) as type, pg_get_expr(d.adbin, d.adrelid) as default_value, a.attidentity <> '' as is_identity
    from made m join pg_attribute a on a.attrelid = m.oid and not a.attisdropped and a.attgenerated = ''
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attname = any (m.names)
  ), keys as (
    select string_agg(quote_ident(a.attname), ', ' order by a.attnum) as list
    from made m join pg_index i on i.indrelid = m.oid and i.indisprimary join pg_attribute a on a.attrelid = m.oid and a.attnum = any (i.indkey)
  )
  select case
    when m.names = '{}' then format('select x.* from %s x', p_thing ->> 'name')
    when not exists (select from columns) then format('select from %s where false', p_thing ->> 'name')
    else format('select %s, %s from %s where %s', coalesce(k.list, 'ctid'), (select string_agg(quote_ident(attname), ', ' order by attnum) from columns),
      p_thing ->> 'name', (select string_agg(case
        when is_identity then 'true'
        when default_value is null then format('%I is not null', attname)
        else format('row(%I)::record *<> row((%s)::%s)::record', attname, default_value, type) end, ' or ' order by attnum) from columns))
  end
  from made m, keys k
$made_rows$
