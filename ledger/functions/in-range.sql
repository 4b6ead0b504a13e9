-- Puts a key range, or keys, into a text from core/transfer: [[range KEY]] and [[ranges KEY, KEY]] become a condition on one or several columns,
-- [[keys KEY, …]] one that holds for each of p_keys and for no other, and what else held two brackets gets them back.
-- Keys are literals of unknown type, so a column's own type decides; a key of several columns comes as a JSON array of their texts.
create or replace function stepgate.in_range(p_sql text, p_after text, p_upto text, p_keys text[] default '{}') returns text
language plpgsql immutable as $in_range$
declare
  filled text := p_sql;
  row_keys text;
begin
  if strpos(filled, '[[range ') > 0 then
    filled := regexp_replace(filled, '\[\[range (.*?)\]\]',
      concat_ws(' and ', '\1 > ' || stepgate.key_literal(p_after, false), '\1 <= ' || stepgate.key_literal(p_upto, false), 'true'), 'g');
  end if;
  if strpos(filled, '[[ranges ') > 0 then
    filled := regexp_replace(filled, '\[\[ranges (.*?)\]\]',
      concat_ws(' and ', '(\1) > ' || stepgate.key_literal(p_after, true), '(\1) <= ' || stepgate.key_literal(p_upto, true), 'true'), 'g');
  end if;
  if strpos(filled, '[[keys ') > 0 then
    -- A comma between the brackets makes it several columns; names that hold one come escaped.
    if filled ~ '\[\[keys [^,]*?\]\]' then
      select string_agg(stepgate.key_literal(key, false), ', ') into row_keys from unnest(p_keys) as key;
      filled := regexp_replace(filled, '\[\[keys ([^,]*?)\]\]', coalesce('\1 in (' || row_keys || ')', 'false'), 'g');
    end if;
    if strpos(filled, '[[keys ') > 0 then
      select string_agg(stepgate.key_literal(key, true), ', ') into row_keys from unnest(p_keys) as key;
      filled := regexp_replace(filled, '\[\[keys (.*?)\]\]', coalesce('(\1) in (' || row_keys || ')', 'false'), 'g');
    end if;
  end if;
  return replace(filled, '[[open]]', '[[');
end
$in_range$
