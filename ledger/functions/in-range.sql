-- Puts a key range into a text from core/transfer: each [[range KEY]] becomes a condition on KEY, and what else held two brackets gets them back.
-- Keys are literals of unknown type, so a column's own type decides.
create or replace function stepgate.in_range(p_sql text, p_after text, p_upto text) returns text
language sql immutable as $in_range$
  select replace(regexp_replace(p_sql, '\[\[range (.*?)\]\]',
    concat_ws(' and ',
      '\1 > ' || replace(quote_literal(replace(p_after, '[[', '[[open]]')), '\', '\\'),
      '\1 <= ' || replace(quote_literal(replace(p_upto, '[[', '[[open]]')), '\', '\\'),
      'true'), 'g'), '[[open]]', '[[')
$in_range$
