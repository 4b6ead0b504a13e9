-- The columns of a table's images, by the names that they have in the copy and in the table now, both quoted; only those that are there still.
create or replace function stepgate.image_columns(p_image stepgate.image)
returns table (number smallint, name text, now text, is_key boolean, is_computed boolean, is_always boolean)
language sql stable
set search_path = pg_catalog
as $image_columns$
  select u.number, quote_ident(u.name), quote_ident(a.attname), u.name = any (p_image.key_names), a.attgenerated <> '', a.attidentity = 'a'
  from unnest(p_image.columns, p_image.names) as u (number, name)
  join pg_attribute a on a.attrelid = p_image.table_oid and a.attnum = u.number and not a.attisdropped
  order by u.number
$image_columns$
