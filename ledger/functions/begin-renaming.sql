-- Before a phase's, or an undo's, statements rename tables that live sync reads and writes: nobody else reads or writes them from here to the
-- commit, so that no trigger function runs by the old names. A repair, which holds the sync's row, is waited for, and a later one has to know
-- the new names. p_renaming comes from adapters/sync-renaming.ts: transfers (id, tables), tables (to lock), functions (create), names (which
-- the statements take from tables); null where nothing is renamed.
create or replace function stepgate.begin_renaming(p_plan text, p_renaming jsonb) returns void
language plpgsql as $begin_renaming$
begin
  if jsonb_typeof(p_renaming) is distinct from 'object' then
    return;
  end if;
  update stepgate.sync s set tables = array(select jsonb_array_elements_text(t -> 'tables'))
  from jsonb_array_elements(p_renaming -> 'transfers') t where s.plan = p_plan and s.transfer = t ->> 'id';
  perform stepgate.lock_soon(array(select t from jsonb_array_elements_text(p_renaming -> 'tables') t order by 1), 'access exclusive');
end
$begin_renaming$
