-- Before an undo takes away what the plan made: what others wrote into it goes to stepgate_archive.row.
-- Writers wait until the undo commits, so that nothing is written between the copy and the DROP.
create or replace function stepgate.keep_made(p_run text, p_plan text, p_phase text, p_made jsonb) returns void
language plpgsql as $keep_made$
declare
  thing jsonb;
  digest jsonb;
begin
  for thing in select value from jsonb_array_elements(p_made) where to_regclass(value ->> 'name') is not null loop
    execute format('lock table %s in share row exclusive mode', thing ->> 'name');
    digest := stepgate.made_digest(thing);
    if (digest ->> 'rows')::bigint > 0 and not exists (
      select from stepgate.made m where m.plan = p_plan and m.table_name = thing ->> 'name' and m.columns = thing ->> 'columns'
      and m.rows = (digest ->> 'rows')::bigint and m.hash = (digest ->> 'hash')::numeric
    ) then
      execute format('insert into stepgate_archive.row (run_id, plan, phase, table_name, image) select $1, $2, $3, $4, row_to_json(r) from (%s) r',
        stepgate.made_rows(thing)) using p_run, p_plan, p_phase, stepgate.full_name(to_regclass(thing ->> 'name'));
    end if;
    -- What is kept need not be kept again by the undo of an earlier phase.
    perform stepgate.note_made(p_plan, thing, digest);
  end loop;
end
$keep_made$
