-- The next key of a sequence that two tables share. As its owner, because who may write the one table need not know the other's sequence.
create or replace function stepgate.next_key(p_sequence regclass) returns bigint
language sql security definer
set search_path = pg_catalog, pg_temp
as $next_key$
  select nextval(p_sequence)
$next_key$
