--! check: named-items, fail, quality
select 'shop' as scope, count(*) filter (where name <> '') as valid, count(*) as total from items;
