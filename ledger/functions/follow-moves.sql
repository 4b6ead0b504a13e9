-- What waits under a key that was changed since goes on under the new one: changes of columns, and an earlier change of the key.
create or replace function stepgate.follow_moves(p_plan text, p_transfer text) returns void
language plpgsql as $follow_moves$
declare
  move record;
begin
  for move in
    select j.id, j.key, j.moved_from from stepgate.sync_journal j
    where j.plan = p_plan and j.transfer = p_transfer and j.moved_from is not null and j.reason <> 'not-carried' order by j.id
  loop
    -- What came later under the old key is another row's.
    update stepgate.sync_journal j set key = move.key
    where j.plan = p_plan and j.transfer = p_transfer and j.key = move.moved_from and j.reason <> 'not-carried' and j.op = 'update' and j.id < move.id;
    update stepgate.sync_journal j set moved_from = nullif(earlier.moved_from, j.key)
    from stepgate.sync_journal earlier
    where j.id = move.id and earlier.plan = p_plan and earlier.transfer = p_transfer and earlier.key = move.moved_from
      and earlier.moved_from is not null and earlier.reason <> 'not-carried' and earlier.id < move.id and earlier.side = j.side;
  end loop;
end
$follow_moves$
