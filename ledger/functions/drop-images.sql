-- Drops what is left of row images: a phase's when its undo is done, all of a plan's when no undo is wanted any more.
create or replace function stepgate.drop_images(p_plan text, p_phase text default null) returns void
language plpgsql as $drop_images$
declare
  v_image stepgate.image;
begin
  for v_image in delete from stepgate.image i where i.plan = p_plan and (p_phase is null or i.phase = p_phase) returning i.* loop
    execute format('drop table if exists stepgate.net_%1$s, stepgate.image_%1$s', v_image.id);
  end loop;
end
$drop_images$
