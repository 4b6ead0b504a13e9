-- Which sessions work in transactions that are older than the triggers of a phase's side, as a json text; none is noted as settled.
create or replace function stepgate.settle_sync(p_run text, p_token bigint, p_plan text, p_phase text, p_side text) returns text
language plpgsql as $settle_sync$
declare
  installed record;
  older json;
begin
  perform stepgate.enter(p_run, p_token, p_phase || ' sync');
  select max(s.installed_at) as at, max(s.installed_xid) as xid into installed
  from stepgate.sync s where (s.plan, s.phase, s.side) = (p_plan, p_phase, p_side) and s.settled_at is null;
  if installed.at is null then
    return '[]';
  end if;
  older := stepgate.older_sessions(installed.at, installed.xid);
  if json_array_length(older) = 0 then
    update stepgate.sync s set settled_at = clock_timestamp()
    where (s.plan, s.phase, s.side) = (p_plan, p_phase, p_side) and s.settled_at is null;
  end if;
  return older::text;
end
$settle_sync$
