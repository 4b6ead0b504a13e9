-- Whether applications are kept out of the database, and every older transaction has ended.
create or replace function stepgate.fence_is_up(p_plan text) returns boolean
language sql stable as $fence_is_up$
  select exists (select from stepgate.fence where plan = p_plan and up_at is not null)
$fence_is_up$
