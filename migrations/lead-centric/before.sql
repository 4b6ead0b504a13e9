--! check: columns-that-the-plan-reads, fail, no rows
-- No type where a cast makes one; timestamps without a zone are refused, since their meaning depends on the session.
select (r.relation || '.' || r.name)::name as missing_or_of_another_type
from (
  values
  ('workspaces', 'id', 'uuid'),
  ('workspace_users', 'workspace_id', 'uuid'),
  ('workspace_users', 'user_id', 'uuid'),
  ('auth.users', 'id', 'uuid'),
  ('contacts', 'id', 'uuid'),
  ('contacts', 'workspace_id', 'uuid'),
  ('contacts', 'firstname', null),
  ('contacts', 'lastname', null),
  ('contacts', 'email', null),
  ('contacts', 'phone_number', null),
  ('contacts', 'st_address', null),
  ('contacts', 'city', null),
  ('contacts', 'state', null),
  ('contacts', 'zip', null),
  ('contacts', 'lead_status', null),
  ('contacts', 'lead_source', null),
  ('contacts', 'tags', null),
  ('contacts', 'priority', 'integer'),
  ('contacts', 'appointment_date', 'timestamp with time zone'),
  ('contacts', 'appointment_status_id', 'integer'),
  ('contacts', 'appointment_result_id', 'integer'),
  ('contacts', 'created_at', 'timestamp with time zone'),
  ('contacts', 'updated_at', 'timestamp with time zone'),
  ('contacts', 'created_by', 'uuid'),
  ('custom_fields', 'id', 'uuid'),
  ('custom_fields', 'workspace_id', 'uuid'),
  ('custom_fields', 'field_type', null),
  ('custom_fields', 'options', null),
  ('contact_custom_fields', 'id', 'uuid'),
  ('contact_custom_fields', 'contact_id', 'uuid'),
  ('contact_custom_fields', 'field_id', 'uuid'),
  ('contact_custom_fields', 'value', null),
  ('contact_custom_fields', 'created_at', 'timestamp with time zone'),
  ('contact_custom_fields', 'updated_at', 'timestamp with time zone'),
  ('contact_custom_fields', 'created_by', 'uuid')
) r (relation, name, type)
left join pg_attribute a on a.attrelid = to_regclass(r.relation) and a.attname = r.name and not a.attisdropped
where a.attnum is null or format_type(a.atttypid, null) <> r.type;

--! check: function-that-the-policies-call, fail, no rows
select 'auth.uid() returning uuid'::name as missing
where not exists (
  select from pg_proc p where p.oid = to_regprocedure('auth.uid()') and p.prorettype = 'uuid'::regtype
);

--! check: roles-that-cannot-tell-who-asks, warn, no rows
-- Each of them gets its rights on the new tables at the cutover, and row-level security shows it no row: README.md, "Before the run".
select distinct r.rolname
from pg_class c
cross join lateral aclexplode(c.relacl) a
join pg_roles r on r.oid = a.grantee
where c.oid in (to_regclass('contacts'), to_regclass('contact_custom_fields')) and a.grantee <> c.relowner
and not (has_schema_privilege(r.oid, to_regnamespace('auth'), 'usage') and has_table_privilege(r.oid, to_regclass('workspace_users'), 'select'))
order by 1;

--! check: contacts-that-can-be-reached, fail, quality
-- What makes a contact a customer: a name, an e-mail or a phone, well formed or not. Per workspace, one without contacts too.
select
  w.id::text as scope,
  count(c.id) filter (where concat(c.firstname, c.lastname, c.email, c.phone_number) ~ '\S') as valid,
  count(c.id) as total
from workspaces w
left join contacts c on c.workspace_id = w.id
group by w.id
order by w.id;

--! check: contacts-without-a-workspace, fail, no rows
select c.id from contacts c where not exists (select from workspaces w where w.id = c.workspace_id);

--! check: contacts-made-by-nobody-known, fail, no rows
select c.id from contacts c
where c.created_by is not null and not exists (select from auth.users u where u.id = c.created_by);

--! check: appointments-that-no-day-precedes, fail, no rows
-- The calendar's first day has none before it, for setdate.
select c.id from contacts c where isfinite(c.appointment_date) and c.appointment_date < timestamptz '4714-11-25 00:00+00 BC';

--! check: custom-values-without-a-contact, fail, no rows
select v.id from contact_custom_fields v where not exists (select from contacts c where c.id = v.contact_id);

--! check: custom-values-without-a-field, fail, no rows
select v.id from contact_custom_fields v where not exists (select from custom_fields f where f.id = v.field_id);

--! check: second-values-of-one-field, fail, no rows
select max(v.id::text)::uuid as id from contact_custom_fields v group by v.contact_id, v.field_id having count(*) > 1;

--! check: custom-values-of-another-workspace, warn, no rows
select v.id
from contact_custom_fields v
join contacts c on c.id = v.contact_id
join custom_fields f on f.id = v.field_id
where f.workspace_id <> c.workspace_id;

--! check: well-formed-emails, warn, quality
select
  w.id::text as scope,
  count(c.id) filter (where c.email ~ '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$') as valid,
  count(c.id) as total
from workspaces w
left join contacts c on c.workspace_id = w.id
group by w.id
order by w.id;

--! check: phones-of-ten-characters-or-more, warn, quality
select w.id::text as scope, count(c.id) filter (where length(c.phone_number) >= 10) as valid, count(c.id) as total
from workspaces w
left join contacts c on c.workspace_id = w.id
group by w.id
order by w.id;

--! check: contacts-with-a-lead-status, warn, quality
select w.id::text as scope, count(c.id) filter (where c.lead_status ~ '\S') as valid, count(c.id) as total
from workspaces w
left join contacts c on c.workspace_id = w.id
group by w.id
order by w.id;

--! check: contacts-with-first-and-last-name, warn, quality
select
  w.id::text as scope,
  count(c.id) filter (where c.firstname ~ '\S' and c.lastname ~ '\S') as valid,
  count(c.id) as total
from workspaces w
left join contacts c on c.workspace_id = w.id
group by w.id
order by w.id;

--! check: statuses-that-have-a-stage, warn, quality
-- 1 to 4 are stages; 5 to 7 stay at stage 4; any other becomes stage 1 or 4 and is named here.
select
  'appointment_status_id ' || c.appointment_status_id as scope,
  count(*) filter (where c.appointment_status_id between 1 and 7) as valid,
  count(*) as total
from contacts c
where c.appointment_status_id is not null
group by c.appointment_status_id
order by c.appointment_status_id;

--! check: results-that-have-a-name, warn, quality
-- A result outside 1 to 4 has no name: the appointment's disposition stays empty, the old column keeps the number.
select
  'appointment_result_id ' || c.appointment_result_id as scope,
  count(*) filter (where c.appointment_result_id between 1 and 4) as valid,
  count(*) as total
from contacts c
where c.appointment_date is not null and c.appointment_result_id is not null
group by c.appointment_result_id
order by c.appointment_result_id;

--! check: rows-that-the-copy-will-make, info, measure
select m.name, m.value::text as value
from (
  select
    count(*) as customers,
    count(*) filter (where lead_status is not null or appointment_date is not null) as leads,
    count(*) filter (where lead_status is null and appointment_date is not null) as appointment_only,
    count(appointment_date) as appointments
  from contacts
) c
cross join lateral (
  values ('customers', c.customers), ('leads', c.leads), ('leads for an appointment alone', c.appointment_only), ('appointments', c.appointments)
) m (name, value);

--! check: risks, info, measure
with quality as (
  select
    c.workspace_id,
    count(*) as contacts,
    count(*) filter (where c.email ~ '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$') as emails
  from contacts c
  group by c.workspace_id
)

select 'workspaces with fewer than 70 % well-formed e-mails' as name, count(*)::text as value from quality where emails * 10 < contacts * 7
union all
select 'workspaces with more than 5 % of all contacts', count(*)::text from quality
where contacts * 20 > (select count(*) from contacts)
union all
select 'custom fields with choices or dependencies', count(*)::text from custom_fields
where field_type = 'multiselect' or options -> 'depends_on' is not null
union all
select 'contacts whose tags name several products', count(*)::text from contacts
where (tags::text ~* '\msolar\M')::integer + (tags::text ~* '\mhvac\M')::integer + (tags::text ~* '\mroofing\M')::integer > 1;

--! check: custom-field-usage, info, measure
select
  f.field_type as name,
  count(distinct f.id) || ' fields in ' || count(distinct f.workspace_id) || ' workspaces, '
  || count(distinct f.id) filter (where v.id is null) || ' of them unused, ' || count(v.id) || ' values' as value
from custom_fields f
left join contact_custom_fields v on v.field_id = f.id
group by f.field_type
order by f.field_type;
