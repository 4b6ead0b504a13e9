create table visits (
  id serial primary key,
  number int,
  small smallint,
  code char(2),
  name varchar(20),
  seen_at timestamp
);
