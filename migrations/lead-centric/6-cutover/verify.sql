-- The run compares every row and column by value, both ways; these are the mapping's rules in other words, at the last moment at which
-- they hold: from the commit of this phase the application may write to the new side what the old one cannot say.

--! check: customers-per-workspace, fail, no rows
select w.id
from workspaces w
left join (select workspace_id, count(*) as rows from contacts group by workspace_id) old on old.workspace_id = w.id
left join (
  select workspace_id, count(*) as rows from customers where deleted_at is null group by workspace_id
) new on new.workspace_id = w.id
where old.rows is distinct from new.rows;

--! check: contacts-without-their-lead, fail, no rows
select c.id from contacts c
where (c.lead_status is not null or c.appointment_date is not null)
and not exists (select from leads l where l.migrated_from_contact_id = c.id and l.deleted_at is null);

--! check: leads-that-no-contact-has, fail, no rows
select l.id from leads l
where l.deleted_at is null
and not exists (
  select from contacts c
  where c.id = l.migrated_from_contact_id and (c.lead_status is not null or c.appointment_date is not null)
);

--! check: contacts-without-their-appointment, fail, no rows
select c.id from contacts c
where c.appointment_date is not null and not exists (
  select from appointments a where a.migrated_from_contact_id = c.id and a.deleted_at is null
);

--! check: stages-that-went-back, fail, no rows
select l.id from leads l
join contacts c on c.id = l.migrated_from_contact_id
where c.appointment_status_id >= 1 and l.stg_id < least(c.appointment_status_id, 4);

--! check: estimates-that-look-like-facts, fail, no rows
select a.id from appointments a
where a.migrated_from_contact_id is not null
and not a.dates_estimated
and (a.setdate is not null or a.verifieddate is not null or a.confirmeddate is not null);

--! check: workspaces-whose-lead-sources-changed, warn, no rows
with old as (
  select workspace_id, coalesce(lead_source::text, 'Unknown') as source, count(*) as rows
  from contacts
  where lead_status is not null or appointment_date is not null
  group by 1, 2
),

new as (
  select workspace_id, source, count(*) as rows from leads where deleted_at is null group by 1, 2
)

select distinct coalesce(old.workspace_id, new.workspace_id) as id
from old
full join new on new.workspace_id = old.workspace_id and new.source = old.source
where old.rows is distinct from new.rows;
