alter table orders add constraint total_is_positive check (total >= 0) not valid;
alter table orders validate constraint total_is_positive;
