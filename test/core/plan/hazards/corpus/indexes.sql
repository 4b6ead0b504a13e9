create index orders_total on orders (total);
drop index orders_total;
reindex table orders;
