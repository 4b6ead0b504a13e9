alter table orders alter column total type bigint;
alter table orders alter column total set not null;
alter table orders alter column total drop not null;
alter table orders drop column note;
alter table orders rename column note to remark;
