create table shop_notes (id bigint primary key, body text);
create index shop_notes_body on shop_notes (body);
insert into shop_notes (id, body) values (1, 'a');
