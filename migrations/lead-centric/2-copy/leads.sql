--! into: leads
--! from: contacts
--! key: id
--! sync: both
--! deletes: soft deleted_at
--! inverse: lead_status = nullif(disposition, 'appointment_only')
--! inverse: lead_source = nullif(source, 'Unknown')
-- Stage and flags come from appointment_status_id: 1 to 4 are stages; 5 and 6, verified and confirmed, are further on than
-- stage 4 and stay there. tags may be text or text[]: \m and \M are the edges of a word.
select
  c.id,
  c.id as customer_id,
  c.workspace_id,
  case
    when c.tags::text ~* '\msolar\M' then 'SOLAR'
    when c.tags::text ~* '\mhvac\M' then 'HVAC'
    when c.tags::text ~* '\mroofing\M' then 'ROOFING'
    else 'DEFAULT'
  end::text as productid,
  coalesce(c.lead_source::text, 'Unknown') as source,
  coalesce(c.lead_status::text, 'appointment_only') as disposition,
  case
    when c.appointment_status_id between 1 and 4 then c.appointment_status_id
    when c.appointment_status_id > 4 then 4
    else 1
  end::integer as stg_id,
  coalesce(c.priority, 3)::integer as priority,
  c.created_at as entrydate,
  c.appointment_date as apptdate,
  coalesce(c.appointment_status_id >= 4, false) as apptset,
  coalesce(c.appointment_status_id >= 5, false) as verified,
  coalesce(c.appointment_status_id >= 6, false) as confirmed,
  false as issued,
  false as sat,
  false as sold,
  coalesce(c.appointment_status_id >= 4, false) as everset,
  coalesce(c.appointment_status_id >= 5, false) as eververified,
  coalesce(c.appointment_status_id >= 6, false) as everconfirmed,
  c.updated_at as lastchangedon,
  c.created_at,
  c.updated_at,
  c.created_by,
  c.id as migrated_from_contact_id
from contacts c
where c.lead_status is not null or c.appointment_date is not null
