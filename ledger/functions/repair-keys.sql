-- Derives again up to p_limit keys that the sync left in the journal, of its entries up to p_upto: those that never failed first, oldest first.
-- The texts come from core/transfer/sync/repair-sql.ts. A part that fails is halved until the key that fails stands alone; it keeps its
-- entries, with the error noted, and the others are done. One call holds rows for about p_ms, because applications wait for them: it begins
-- no further part then.
-- A json text: repaired (keys), left (entries up to p_upto that are still there), failed (keys of this call that could not be derived).
create or replace function stepgate.repair_keys(
  p_run text, p_token bigint, p_plan text, p_transfer text, p_upto bigint, p_limit integer, p_texts jsonb, p_ms integer default 150
) returns text
language plpgsql as $repair_keys$
declare
  deadline timestamptz := clock_timestamp() + make_interval(secs => p_ms / 1000.0);
  pending constant text := $$j.plan = $1 and j.transfer = $2 and j.reason <> 'not-carried'
    and (j.id <= $3 or j.is_spread)$$;
  line text;
  claimed text[];
  parts jsonb;
  part text[];
  done integer;
  repaired integer := 0;
  failed integer := 0;
  waits boolean := false;
  is_undoing boolean;
  entries_left bigint;
  v_state text;
  v_message text;
begin
  perform stepgate.enter(p_run, p_token, p_transfer || ' repair');
  -- Each text is planned anew and costs more to compile than to run.
  perform set_config('jit', 'off', true);
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using errcode = 'SG003', message = format('transactions of %s begin at isolation level %s; a repair needs read committed',
      current_user, current_setting('transaction_isolation')), hint = 'set default_transaction_isolation back for this role and database';
  end if;
  -- Until the commit nobody gives the tables other names. Texts by the names of before are not executed: the names may be other tables' now.
  perform from stepgate.sync s where s.plan = p_plan and s.transfer = p_transfer for share;
  if exists (select from stepgate.sync s where s.plan = p_plan and s.transfer = p_transfer and s.tables <> '{}' and p_texts ? 'tables'
      and to_jsonb(s.tables) <> p_texts -> 'tables') then
    raise exception using errcode = '55P03', message = format('the tables of transfer %s got other names meanwhile', p_transfer);
  end if;
  select p.undo_begun_at is not null into is_undoing from stepgate.phase p
  where p.plan = p_plan and p.phase = (select s.phase from stepgate.sync s where s.plan = p_plan and s.transfer = p_transfer limit 1) for share;
  if is_undoing then
    -- A row that an undo took out would pass for one that the new side deleted.
    return json_build_object('repaired', 0, 'left', 0, 'failed', 0);
  end if;
  if exists (select from stepgate.sync_journal j where j.plan = p_plan and j.transfer = p_transfer and j.key is null and j.reason <> 'not-carried') then
    -- Who is at work when a note is first seen may have read what it is about as it was; whoever writes has a lower number than this transaction.
    update stepgate.sync_journal j set seen_xid = pg_current_xact_id()
    where j.plan = p_plan and j.transfer = p_transfer and j.key is null and j.reason <> 'not-carried' and j.seen_xid is null;
    for line in select jsonb_array_elements_text(p_texts -> 'spread') loop
      execute stepgate.in_range(line, null, null) using p_plan, p_transfer;
    end loop;
  end if;
  perform stepgate.follow_moves(p_plan, p_transfer);
  execute 'with claim as (select j.id, j.key, j.refused_at from stepgate.sync_journal j where j.key is not null and ' || pending ||
    ' order by j.refused_at nulls first, j.id limit $4 for update skip locked)
    select array_agg(c.key order by c.refused_at nulls first, c.id) from (select key, max(refused_at) as refused_at, min(id) as id from claim group by key) as c'
    using p_plan, p_transfer, p_upto, p_limit into claimed;
  select coalesce(jsonb_agg(c.keys order by c.number), '[]') into parts
  from (select (n - 1) / 100 as number, jsonb_agg(key order by n) as keys from unnest(claimed) with ordinality as k (key, n) group by 1) as c;
  while jsonb_array_length(parts) > 0 and (waits or repaired = 0 or clock_timestamp() < deadline) loop
    part := array(select jsonb_array_elements_text(parts -> 0));
    parts := parts - 0;
    begin
      done := stepgate.repair_part(p_plan, p_transfer, part, p_texts, waits);
      repaired := repaired + done;
    exception
      when others then
        if cardinality(part) > 1 then
          parts := jsonb_build_array(part[:cardinality(part) / 2], part[cardinality(part) / 2 + 1:]) || parts;
        else
          get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
          update stepgate.sync_journal j set refused_at = clock_timestamp(), refused = v_state || ': ' || v_message
          where j.plan = p_plan and j.transfer = p_transfer and j.key = part[1] and j.reason <> 'not-carried';
          -- A lock passes by itself.
          failed := failed + (v_state not in ('55P03', '40P01'))::integer;
        end if;
    end;
    if jsonb_array_length(parts) = 0 and repaired + failed = 0 and not waits then
      -- Every row is somebody's: without a place in the queue a row that is written all the time would never be ours.
      parts := jsonb_build_array(claimed[1:1]);
      waits := true;
    end if;
  end loop;
  execute 'select count(*) from stepgate.sync_journal j where ' || pending using p_plan, p_transfer, p_upto into entries_left;
  return json_build_object('repaired', repaired, 'left', entries_left, 'failed', failed);
end
$repair_keys$
