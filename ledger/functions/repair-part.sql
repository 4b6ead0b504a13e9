-- Derives some keys again and takes their entries out of the journal; how many keys that were. Keys whose rows somebody else holds are
-- passed over, unless p_waits. Locks first, in statements of their own: what is read after them stays until the commit.
-- What is written into the target is the plan's; what is carried back into the source is the application's, and only this transfer's own
-- triggers must not carry it on.
create or replace function stepgate.repair_part(p_plan text, p_transfer text, p_keys text[], p_texts jsonb, p_waits boolean) returns integer
language plpgsql as $repair_part$
declare
  skip constant text := case when p_waits then '' else ' skip locked' end;
  guard constant text := coalesce(current_setting('stepgate.guard', true), '');
  counts jsonb;
  target_keys text[];
  source_keys text[];
  decisions jsonb;
  keys text[];
  moves text[];
begin
  moves := array(select distinct m.key from stepgate.sync_journal j, unnest(array[j.key, j.moved_from]) as m (key)
    where j.plan = p_plan and j.transfer = p_transfer and j.moved_from is not null and j.reason <> 'not-carried' and (j.key = any (p_keys) or j.moved_from = any (p_keys)));
  if cardinality(moves) > 0 then
    counts := stepgate.write_counts();
    perform set_config('stepgate.guard', '*', true);
    execute stepgate.in_range(p_texts ->> 'moveTarget', null, null, moves) using p_plan, p_transfer;
    perform stepgate.note_written(p_plan, counts);
    if p_texts ->> 'moveSource' is not null then
      perform set_config('stepgate.guard', p_transfer, true);
      execute stepgate.in_range(p_texts ->> 'moveSource', null, null, moves) using p_plan, p_transfer;
    end if;
    perform set_config('stepgate.guard', guard, true);
  end if;
  execute format('select coalesce(array_agg(x.key), %L) from (%s) as x (key)', '{}', stepgate.in_range(p_texts ->> 'lockTarget', null, null, p_keys) || skip)
    into target_keys;
  execute format('select coalesce(array_agg(x.key), %L) from (%s) as x (key)', '{}', stepgate.in_range(p_texts ->> 'lockSource', null, null, p_keys) || skip)
    into source_keys;
  execute stepgate.in_range(p_texts ->> 'decide', null, null, p_keys) using p_plan, p_transfer, p_keys, null::jsonb, target_keys, source_keys into decisions;
  keys := array(select d ->> 'key' from jsonb_array_elements(decisions) d);
  if cardinality(keys) = 0 then
    return 0;
  end if;
  if exists (select from jsonb_array_elements(decisions) d where d -> 'conflicts' <> '[]') then
    execute stepgate.in_range(p_texts ->> 'conflicts', null, null, keys) using p_plan, p_transfer, keys, decisions;
  end if;
  execute stepgate.in_range(p_texts ->> 'quarantine', null, null, keys) using p_plan, p_transfer, keys;
  if exists (select from jsonb_array_elements(decisions) d where d ->> 'action' ~ '-target$' or d -> 'forward' <> '[]') then
    counts := stepgate.write_counts();
    perform set_config('stepgate.guard', '*', true);
    perform stepgate.repair_side(p_texts, 'forward', keys, decisions);
    perform stepgate.note_written(p_plan, counts);
  end if;
  if exists (select from jsonb_array_elements(decisions) d where d ->> 'action' ~ '-source$' or d -> 'backward' <> '[]') then
    perform set_config('stepgate.guard', p_transfer, true);
    perform stepgate.repair_side(p_texts, 'backward', keys, decisions);
  end if;
  perform set_config('stepgate.guard', guard, true);
  insert into stepgate.sync_journal (plan, transfer, side, key, op, reason, columns)
  select p_plan, p_transfer, 'target', d ->> 'key',
    case d ->> 'action' when 'keep-native' then 'insert' when 'keep-gone' then 'delete' else 'update' end, 'not-carried',
    case d ->> 'action' when 'set' then array(select jsonb_array_elements_text(d -> 'kept')) end
  from jsonb_array_elements(decisions) d where d ->> 'action' ~ '^keep-' or d -> 'kept' <> '[]';
  delete from stepgate.sync_journal j where j.id in (select i::bigint from jsonb_array_elements(decisions) d, jsonb_array_elements_text(d -> 'ids') i);
  return cardinality(keys);
end
$repair_part$
