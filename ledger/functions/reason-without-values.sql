-- Why PostgreSQL took no row, in words that hold none of its values: reports quote them. A function of the application may say anything in its errors.
create or replace function stepgate.reason_without_values(p_state text, p_message text, p_constraint text, p_column text, p_context text) returns text
language sql immutable as $reason_without_values$
  select p_state || ': ' || case
    when p_context ~ ' at RAISE($|\n)' then 'a function of the database refused it'
    when p_state ~ '^23' and p_constraint <> '' then 'constraint ' || p_constraint
    when p_state ~ '^23' and p_column <> '' then 'column ' || p_column || ' takes no null'
    when p_state ~ '^23' then 'a constraint refused it'
    -- `invalid input syntax for type integer: "x"`, `value "9" is out of range for type smallint`.
    else regexp_replace(regexp_replace(regexp_replace(p_message, '".*"', '…'), '0x[0-9a-fA-F ]+', '…'), ': .*$', '')
  end
$reason_without_values$
