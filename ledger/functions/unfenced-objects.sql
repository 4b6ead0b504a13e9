-- What schema_objects() will say when the fence is lowered: what lowering does is done, looked at, and rolled back.
create or replace function stepgate.unfenced_objects(out line text, out about text[]) returns setof record
language plpgsql as $unfenced_objects$
declare
  v_lines jsonb;
begin
  if not exists (select from stepgate.fence_object) then
    return query select o.line, o.about from stepgate.schema_objects() o;
    return;
  end if;
  begin
    perform stepgate.fence_suspend();
    select jsonb_agg(jsonb_build_object('line', o.line, 'about', o.about)) into v_lines from stepgate.schema_objects() o;
    raise exception using errcode = 'SG005', message = 'the trial is over';
  exception
    when sqlstate 'SG005' then null;
  end;
  return query select o.line, o.about from jsonb_to_recordset(v_lines) as o (line text, about text[]);
end
$unfenced_objects$
