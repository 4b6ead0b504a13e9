drop index concurrently products_title;
