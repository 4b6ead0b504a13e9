-- Deletes, updates and inserts, table after table, and again while that gets anything further: a row may wait for another that it refers to, or
-- whose unique value it had. What fails as a whole is then done row by row; true when it came to that.
create or replace function stepgate.restore_rows(p_images stepgate.image[]) returns boolean
language plpgsql as $restore_rows$
declare
  v_image stepgate.image;
  v_act text;
  v_done text[] := '{}';
  v_is_further boolean;
  v_is_by_row boolean := false;
  v_rows bigint;
begin
  loop
    v_is_further := false;
    foreach v_image in array p_images loop
      foreach v_act in array array['delete', 'update', 'insert'] loop
        continue when v_act || v_image.id = any (v_done);
        if v_is_by_row and v_act <> 'delete' then
          v_is_further := stepgate.restore_each(v_image, v_act) > 0 or v_is_further;
          continue;
        end if;
        begin
          execute stepgate.restore_sql(v_image, v_act, 'true');
          get diagnostics v_rows = row_count;
          v_is_further := v_rows > 0 or v_is_further;
          -- A deletion waits for rows that refer to its own, and is asked again; the others are whole or not at all.
          if v_act <> 'delete' then
            v_done := v_done || (v_act || v_image.id);
            v_is_further := true;
          end if;
        exception
          when integrity_constraint_violation then null;
        end;
      end loop;
    end loop;
    if not v_is_further then
      if v_is_by_row or cardinality(v_done) = 2 * cardinality(p_images) then
        return v_is_by_row;
      end if;
      v_is_by_row := true;
    end if;
  end loop;
end
$restore_rows$
