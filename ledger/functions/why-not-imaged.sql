-- Why a table's rows cannot be copied while a phase changes them; null when they can.
create or replace function stepgate.why_not_imaged(p_table oid) returns text
language sql stable
set search_path = pg_catalog
as $why_not_imaged$
  select case
    when c.oid is null then 'there is no such table when the phase begins'
    when c.relkind = 'p' or c.relispartition then 'it is partitioned or a partition, whose rows its triggers do not see wherever they are written; protect none of it, or copy what changes into a table of the plan'
    when c.relkind <> 'r' then 'it is no table'
    when exists (select from pg_inherits h where c.oid in (h.inhrelid, h.inhparent)) then 'it inherits or is inherited from, and its triggers do not see the rows of the other'
    when not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary) then 'it has no primary key, by which a row is found again'
    when not pg_has_role(c.relowner, 'usage') then format('it belongs to role %s, and triggers that are always enabled need its owner', pg_get_userbyid(c.relowner))
  end
  from (values (p_table)) as asked (oid) left join pg_class c on c.oid = asked.oid
$why_not_imaged$
