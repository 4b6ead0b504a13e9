-- Rows for demo/source.sql, with the dirt that such a database has. Any client can run this file, in one session.
-- Scale 1, the default, makes 45,230 contacts, 156 workspaces, 1,247 field definitions and 78,345 values;
-- select set_config('gen.scale', '4', false) before it makes four times as many contacts and values; select set_config('gen.contacts', '500', false)
-- makes so many contacts, and values in proportion.
-- Every value is a function of its row number: two runs make the same rows.
create or replace function pg_temp.id_of(name text) returns uuid language sql immutable
return md5(name)::uuid;

-- 0 to 9999, evenly spread
create or replace function pg_temp.spread(row_number bigint, salt text) returns integer language sql immutable
return (('x' || substr(md5(row_number::text || ':' || salt), 1, 7))::bit(28)::integer) % 10000;

create or replace function pg_temp.contacts() returns integer language sql stable
return coalesce(nullif(current_setting('gen.contacts', true), '')::integer, 45230 * coalesce(nullif(current_setting('gen.scale', true), ''), '1')::integer);

insert into auth.users (id, email)
select pg_temp.id_of('user' || i), 'user' || i || '@example.com' from generate_series(1, 200) i;

insert into workspaces (id, name)
select pg_temp.id_of('ws' || i), 'Workspace ' || i from generate_series(1, 156) i;

insert into workspace_users (workspace_id, user_id)
select pg_temp.id_of('ws' || i), pg_temp.id_of('user' || (1 + (i * 7) % 200)) from generate_series(1, 156) i;

insert into workspace_users (workspace_id, user_id)
select pg_temp.id_of('ws' || i), pg_temp.id_of('user' || (1 + (i * 13) % 200)) from generate_series(1, 156) i
on conflict do nothing;

-- Workspaces 1 to 5 are large, with 60 % of the contacts; 6 to 17 hold the worst data.
insert into contacts (
  id, workspace_id, firstname, lastname, email, phone_number, st_address, city, state, zip, lead_status, lead_source, tags, priority,
  appointment_date, appointment_status_id, appointment_result_id, created_at, updated_at, created_by
)
select
  pg_temp.id_of('contact' || i),
  pg_temp.id_of('ws' || w),
  case
    when q < 300 then null
    when q < 450 then ''
    when q < 470 then 'Zoë 😀'
    when q < 480 then 'O''Brien'
    else 'First' || i
  end,
  case
    when q2 < 300 then null
    when q2 < 450 then ''
    when q2 < 460 then 'Ñandú-Müller'
    else 'Last' || (i % 997)
  end,
  case
    when bad and e < 3000 or e < 1000 then null
    when e < 1500 then ''
    when not bad and e >= 9990 then 'dup@example.com'
    when bad and e < 6000 or e < 1700
      then (array['not-an-email', 'foo@bar', 'a@@b.com', 'two@at@x.com', ' lead@space.com ', 'N/A', 'jos@exämple.com', '@x.y'])[1 + i % 8]
    else 'contact' || i || '@example' || (i % 50) || '.com'
  end,
  case
    when p < 500 then null
    when p < 800 then ''
    when p < 1300 then (array['555-12', '12345', '911', 'n/a'])[1 + i % 4]
    when p < 1400 then '+1 (415) 555-' || lpad((i % 10000)::text, 4, '0') || ' ext. ' || (1000 + i % 9000)
    else '+1415' || lpad((i % 10000000)::text, 7, '0')
  end,
  case when q % 10 = 0 then null else i || ' Main St' end,
  case when q % 17 = 0 then null when i % 9973 = 0 then repeat('Llanfair', 14) else 'City' || (i % 300) end,
  case when q % 19 = 0 then null when i % 9967 = 0 then repeat('State', 11) else (array['CA', 'TX', 'NY', 'FL', 'WA'])[1 + i % 5] end,
  case when q % 23 = 0 then null when i % 9949 = 0 then '94103-1234 (rear entrance)' else lpad((i % 99999)::text, 5, '0') end,
  case
    when s < 2000 then null
    when s < 2100 then ''
    else (array['new', 'contacted', 'qualified', 'appointment', 'won', 'lost'])[1 + i % 6]
  end,
  case
    when src < 1500 then null
    when src < 1800 then ''
    else (array['web', 'referral', 'facebook', 'google', 'canvass'])[1 + i % 5]
  end,
  case
    when t < 3000 then null
    when t < 4500 then 'solar'
    when t < 5500 then 'hvac'
    when t < 6200 then 'roofing'
    when t < 6500 then 'solar,hvac'
    when t < 6700 then 'Solar'
    when t < 6800 then 'solarium'
    when t < 6900 then ''
    else 'misc' || (i % 20)
  end,
  case when pr < 4000 then null else pr % 6 end,
  case when a < 3000 then timestamptz '2026-01-01 09:00+00' + (i % 400) * interval '24 hours' + (i % 9) * interval '1 hour' end,
  case when a < 3000 then (array[null, 1, 2, 3, 4, 5, 6, 7])[1 + i % 8] when a < 6000 then 1 + i % 4 end,
  case when a < 3000 then (array[null, 1, 2, 3, 4, 9])[1 + i % 6] end,
  case
    when i % 5003 <> 0 then timestamptz '2024-01-01 00:00+00' + (i % 700) * interval '24 hours' + (i % 86400) * interval '1 second'
  end,
  timestamptz '2025-06-01 00:00+00' + (i % 500) * interval '24 hours' + (i % 3600) * interval '1 second',
  case when q % 5 <> 0 then pg_temp.id_of('user' || (1 + i % 200)) end
from (
  select
    i,
    case when pg_temp.spread(i, 'w') < 6000 then 1 + (i % 5) else 6 + (i % 151) end as w,
    pg_temp.spread(i, 'q') as q,
    pg_temp.spread(i, 'q2') as q2,
    pg_temp.spread(i, 'e') as e,
    pg_temp.spread(i, 'p') as p,
    pg_temp.spread(i, 's') as s,
    pg_temp.spread(i, 'src') as src,
    pg_temp.spread(i, 't') as t,
    pg_temp.spread(i, 'pr') as pr,
    pg_temp.spread(i, 'a') as a
  from generate_series(1, pg_temp.contacts()) i
  offset 0 -- each number is drawn once per row, not once per use
) drawn
cross join lateral (select w between 6 and 17 as bad) quality;

insert into custom_fields (id, workspace_id, name, field_type, options)
select
  pg_temp.id_of('field' || i),
  pg_temp.id_of('ws' || case when i <= 156 then i else 1 + (i * 31) % 156 end),
  'field_' || i,
  case when i <= 23 then 'multiselect' else (array['text', 'number', 'date', 'boolean', 'select'])[1 + i % 5] end,
  case when i <= 23 then '{"choices": ["a", "b", "c"], "depends_on": "x"}'::jsonb end
from generate_series(1, 1247) i;

-- Each contact has up to four values, for fields of its own workspace.
with fields as (
  select
    id,
    workspace_id,
    field_type,
    row_number() over (partition by workspace_id order by id) - 1 as position,
    count(*) over (partition by workspace_id) as fields
  from custom_fields
),

numbered as (
  select id, workspace_id, row_number() over (order by id) as i from contacts
),

filled as (
  select numbered.id as contact_id, fields.id as field_id, fields.field_type, numbered.i, k
  from numbered
  cross join generate_series(0, 3) k
  join fields
    on fields.workspace_id = numbered.workspace_id and fields.position = (numbered.i + k) % fields.fields and k < fields.fields
)

insert into contact_custom_fields (id, contact_id, field_id, value, created_at, updated_at)
select
  pg_temp.id_of('v' || contact_id || field_id),
  contact_id,
  field_id,
  case
    when i % 1013 = 0 then null
    when i % 211 = 0 then ''
    when i % 397 = 0 then 'He said "hi" \ tab' || chr(9)
    when i % 499 = 0 then 'null'
    when i % 509 = 0 then '{"a":1}'
    when field_type = 'number' then (i % 1000)::text
    when field_type = 'boolean' then case when i % 2 = 0 then 'true' else 'false' end
    when field_type = 'multiselect' then '["a","b"]'
    when field_type = 'date' then '2025-01-' || lpad((1 + i % 28)::text, 2, '0')
    else 'val ' || i
  end,
  timestamptz '2025-01-01 00:00+00' + (i % 300) * interval '24 hours',
  timestamptz '2025-06-01 00:00+00' + (i % 300) * interval '24 hours'
from filled
order by k, md5(contact_id::text || field_id::text) collate "C"
limit 78345 * pg_temp.contacts()::bigint / 45230;

analyze auth.users, workspaces, workspace_users, contacts, custom_fields, contact_custom_fields;
