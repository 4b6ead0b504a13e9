alter table orders add column token uuid default gen_random_uuid();
alter table orders add column city text not null;
alter table orders add column number bigserial primary key;
alter table orders add column customer_id bigint references customers (id);
