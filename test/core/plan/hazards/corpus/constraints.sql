alter table orders add constraint total_is_positive check (total >= 0);
alter table orders add constraint to_customers foreign key (customer_id) references customers (id);
alter table orders add constraint orders_number unique (number);
alter table orders add primary key (id);
