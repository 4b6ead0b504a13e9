-- Rows that could not be put back: others' rows refer to them, have their unique values, or are what they referred to and gone.
-- They stay, and what was before goes to stepgate_archive.value. Without any such hindrance a row that is not as before is a fault of ours.
create or replace function stepgate.keep_unrestored(p_image stepgate.image, p_run text, p_is_hindered boolean) returns void
language plpgsql as $keep_unrestored$
declare
  v_is_other text;
  v_rows bigint;
  v_olds bigint;
begin
  select coalesce(string_agg(format('(((n.stepgate_new).stepgate_sign is null or row((n.stepgate_old).%1$s)::record *<> row((n.stepgate_new).%1$s)::record) and not %2$s = any (n.stepgate_kept) and row(t.%3$s)::record *<> row((n.stepgate_old).%1$s)::record)',
    c.name, c.number, c.now), ' or '), 'false') into v_is_other
  from stepgate.image_columns(p_image) c where not c.is_computed;
  execute format('with unrestored as (
  select n.ctid as place, (n.stepgate_old).stepgate_sign is not null as is_old from stepgate.net_%1$s n left join %2$s t on %3$s
  where n.stepgate_state = ''restore'' and case when (n.stepgate_old).stepgate_sign is null then %4$s is not null else %4$s is null or %5$s end
), marked as (
  update stepgate.net_%1$s n set stepgate_state = ''hindered'' from unrestored u where n.ctid = u.place
) select count(*), count(*) filter (where is_old) from unrestored',
    p_image.id, stepgate.full_name(p_image.table_oid), stepgate.image_match(p_image, 't.', 'n.'),
    (select min('t.' || c.now) from stepgate.image_columns(p_image) c where c.is_key), v_is_other) into v_rows, v_olds;
  if v_olds > 0 and not p_is_hindered then
    raise exception using errcode = 'SG004', message = format('%s rows of %s are not as their images say after they were put back', v_olds, stepgate.full_name(p_image.table_oid));
  end if;
  if v_rows > 0 then
    perform stepgate.keep_others_values(p_image, p_run, 'hindered');
  end if;
end
$keep_unrestored$
