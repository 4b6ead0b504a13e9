-- Functions and triggers of one side of a phase's transfers, together or not at all; repeating it does nothing.
-- p_sync comes from adapters/sync-ledger.ts: transfers (id, carried, tables), functions and triggers (create), names (of the functions), tables,
-- keys (transfer, table, column, sequence).
create or replace function stepgate.install_sync(p_run text, p_token bigint, p_plan text, p_phase text, p_side text, p_sync jsonb) returns text
language plpgsql as $install_sync$
declare
  line text;
begin
  perform stepgate.enter(p_run, p_token, p_phase || ' sync');
  -- Of two visits at once, which would make the same functions, the second finds the first one's.
  perform from stepgate.phase p where p.plan = p_plan and p.phase = p_phase for update;
  if not exists (
    select from jsonb_array_elements(p_sync -> 'transfers') t
    where not exists (select from stepgate.sync s where (s.plan, s.transfer, s.side) = (p_plan, t ->> 'id', p_side))
  ) then
    return 'already';
  end if;
  if p_side = 'source' then
    -- What an earlier sync of this plan left behind is nobody's any more.
    delete from stepgate.sync_journal j using jsonb_array_elements(p_sync -> 'transfers') t where j.plan = p_plan and j.transfer = t ->> 'id';
  end if;
  for line in select jsonb_array_elements_text(p_sync -> 'functions') loop
    execute line;
  end loop;
  perform stepgate.lock_soon(array(select k ->> 'table' from jsonb_array_elements(p_sync -> 'keys') k order by 1), 'access exclusive');
  perform stepgate.lock_soon(array(select t from jsonb_array_elements_text(p_sync -> 'tables') t order by 1), 'share row exclusive');
  for line in select jsonb_array_elements_text(p_sync -> 'triggers') loop
    execute line;
  end loop;
  insert into stepgate.sync (plan, phase, transfer, side, carried, functions, tables)
  select p_plan, p_phase, t ->> 'id', p_side, t -> 'carried', array(select jsonb_array_elements_text(p_sync -> 'names')), array(select jsonb_array_elements_text(t -> 'tables'))
  from jsonb_array_elements(p_sync -> 'transfers') t;
  -- What goes back is decided anew when it begins to.
  update stepgate.sync s set carried = t -> 'carried' from jsonb_array_elements(p_sync -> 'transfers') t where s.plan = p_plan and s.transfer = t ->> 'id';
  perform stepgate.share_sequence(p_plan, k ->> 'transfer', k ->> 'table', k ->> 'column', k ->> 'sequence') from jsonb_array_elements(p_sync -> 'keys') k;
  return 'installed';
end
$install_sync$
