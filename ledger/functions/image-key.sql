-- The text of a key of stepgate.net_<id> n: as it is, or with a salt as it may leave the database (core/transfer/shown-key.ts).
create or replace function stepgate.image_key(p_image stepgate.image, p_salt text) returns text
language sql stable
set search_path = pg_catalog
as $image_key$
  select case count(*) when 1 then min(shown) else format('json_build_array(%s)::text', string_agg(shown, ', ' order by place)) end
  from (
    select k.place, case when p_salt is null or a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'uuid'::regtype)
      then format('n.%I::text', k.name) else format('''md5:'' || left(md5(%L || n.%I::text), 12)', p_salt, k.name) end as shown
    from unnest(p_image.key_names) with ordinality as k (name, place)
    join pg_attribute a on a.attrelid = to_regclass('stepgate.image_' || p_image.id) and a.attname = k.name
  ) keys
$image_key$
