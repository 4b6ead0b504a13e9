alter table orders add colum note text;
