--! into: products
--! from: items
--! key: id
--! sync: none
select i.id, i.name as title from items i
