drop table drafts;
alter table orders rename to old_orders;
truncate notes cascade;
create table visits_of_the_shops_in_the_north_and_in_the_south_since_the_merger (id bigint);
