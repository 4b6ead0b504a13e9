refresh materialized view sales;
alter table orders add constraint e exclude using gist (at with &&);
alter table orders set unlogged;
grant select on orders to public;
update orders set total = 1;
delete from orders;
