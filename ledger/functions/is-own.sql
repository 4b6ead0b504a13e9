-- Whether a row of the catalog comes from this transaction: whoever else's can be seen is committed.
create or replace function stepgate.is_own(p_xmin xid) returns boolean
language sql volatile as $is_own$
  select pg_xact_status(((pg_current_xact_id()::text::bigint & ~4294967295) | p_xmin::text::bigint)::text::xid8) = 'in progress'
$is_own$
