--! into: appointments
--! from: contacts
--! key: id
--! sync: both
--! deletes: soft deleted_at
-- The old schema knows only whether an appointment was set, verified and confirmed, not when: each such date is an estimate,
-- and dates_estimated says so. 24 hours, since the length of a day depends on the session's time zone.
select
  c.id,
  c.id as lead_id,
  c.workspace_id,
  c.appointment_date as apptdate,
  case c.appointment_result_id when 1 then 'Show' when 2 then 'No Show' when 3 then 'Cancelled' when 4 then 'Reschedule' end::text
    as disposition,
  coalesce(c.appointment_status_id >= 4, false) as apptset,
  coalesce(c.appointment_status_id >= 5, false) as verified,
  coalesce(c.appointment_status_id >= 6, false) as confirmed,
  false as issued,
  false as sat,
  false as sold,
  case when c.appointment_status_id >= 4 then c.appointment_date - interval '24 hours' end as setdate,
  case when c.appointment_status_id >= 5 then c.appointment_date - interval '4 hours' end as verifieddate,
  case when c.appointment_status_id >= 6 then c.appointment_date - interval '1 hour' end as confirmeddate,
  coalesce(c.appointment_status_id >= 4, false) as dates_estimated,
  c.updated_at as lastchangeddate,
  c.created_at,
  c.updated_at,
  c.created_by,
  c.id as migrated_from_contact_id
from contacts c
where c.appointment_date is not null
