-- Why what a sync's trigger writes now may not be the last word, so that a repair derives it again; null where it is.
-- A transaction with an older snapshot does not see what was written meanwhile; and where a trigger of the application wrote the same table
-- deeper inside the statement, the statement's own rows are older than those. What the sync itself writes is no such trigger's.
create or replace function stepgate.isolation_reason(p_table oid) returns text
language plpgsql as $isolation_reason$
declare
  depth constant integer := pg_trigger_depth();
  deepest constant integer := coalesce(nullif(current_setting('stepgate.depth_' || p_table, true), ''), '1')::integer;
begin
  if depth > deepest and coalesce(current_setting('stepgate.guard', true), '') = '' then
    perform set_config('stepgate.depth_' || p_table, depth::text, true);
  end if;
  return case when deepest > depth or current_setting('transaction_isolation') <> 'read committed' then 'isolation' end;
end
$isolation_reason$
