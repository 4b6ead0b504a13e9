-- Which sessions work in transactions that are older than this run's first call, as a json text: one that reads the new side under the old
-- side's name, with a snapshot from before the last batch, would miss rows.
create or replace function stepgate.settle_renaming(p_run text, p_token bigint, p_plan text, p_phase text) returns text
language plpgsql as $settle_renaming$
declare
  asked record;
begin
  perform stepgate.enter(p_run, p_token, p_phase || ' renaming');
  update stepgate.sync s set renaming_run = p_run, renaming_at = clock_timestamp(), renaming_xid = pg_current_xact_id()
  where s.plan = p_plan and s.renaming_run is distinct from p_run;
  select max(s.renaming_at) as at, max(s.renaming_xid) as xid into asked from stepgate.sync s where s.plan = p_plan;
  return case when asked.at is null then '[]' else stepgate.older_sessions(asked.at, asked.xid)::text end;
end
$settle_renaming$
