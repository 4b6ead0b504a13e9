-- Drops all row images of a plan, when no undo is wanted any more.
create or replace function stepgate.forget_images(p_run text, p_token bigint, p_plan text) returns text
language plpgsql as $forget_images$
begin
  perform stepgate.enter(p_run, p_token, 'forget images');
  perform stepgate.drop_images(p_plan);
  return 'forgotten';
end
$forget_images$
