create table order_summaries (order_id bigint primary key, customer text not null, total numeric not null);
