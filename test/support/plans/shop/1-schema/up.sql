create table products (id bigint primary key, title text not null);
