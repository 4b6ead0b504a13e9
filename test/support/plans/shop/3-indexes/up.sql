create index concurrently products_title on products (title);
