-- Whether a sync of the plan has left anything to a repair.
create or replace function stepgate.is_repair_due(p_plan text) returns boolean
language sql stable as $is_repair_due$
  select exists (select from stepgate.sync_journal j where j.plan = p_plan and j.reason <> 'not-carried')
$is_repair_due$
