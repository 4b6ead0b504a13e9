create domain price as numeric check (value >= 0);
alter domain price add constraint price_is_small check (value < 1000);
