--! check: as-many-products-as-items, fail, zero
select (select count(*) from items) - (select count(*) from products);
