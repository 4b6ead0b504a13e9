-- A key as in_range writes it: a literal, or several between parentheses; for the right side of regexp_replace, and without two brackets in a row.
create or replace function stepgate.key_literal(p_key text, p_is_several boolean) returns text
language plpgsql immutable strict as $key_literal$
declare
  literal text;
begin
  if p_is_several then
    select '(' || string_agg(quote_literal(replace(part, '[[', '[[open]]')), ', ' order by number) || ')' into literal
    from json_array_elements_text(p_key::json) with ordinality as parts (part, number);
  else
    literal := quote_literal(replace(p_key, '[[', '[[open]]'));
  end if;
  return replace(literal, '\', '\\');
end
$key_literal$
