-- Whether a phase is being undone: what of its sync still stands then brings no new row to the targets.
create or replace function stepgate.is_undoing(p_plan text, p_phase text) returns boolean
language sql stable as $is_undoing$
  select exists (select from stepgate.phase p where p.plan = p_plan and p.phase = p_phase and p.undo_begun_at is not null)
$is_undoing$
