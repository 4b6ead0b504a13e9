-- The condition that pairs a row of the table with a key of its images, by the primary key that it had before its phase; the aliases come with their dots.
create or replace function stepgate.image_match(p_image stepgate.image, p_table text, p_key text) returns text
language sql stable
set search_path = pg_catalog
as $image_match$
  select string_agg(format('%s%s %s %s%I', p_table, c.now, k.operator, p_key, k.name), ' and ' order by k.place)
  from unnest(p_image.key_names, p_image.key_operators) with ordinality as k (name, operator, place)
  join stepgate.image_columns(p_image) c on c.name = quote_ident(k.name)
$image_match$
