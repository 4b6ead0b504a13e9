--! allow: FOREIGN_KEY_LOCKS because the tables are empty, so the phase takes milliseconds, and it gives up rather than wait long for a lock
-- Text columns have no length: the old ones hold phones, cities and zips that are longer than any that one would have chosen.
create table customers (
  cst_id uuid primary key default gen_random_uuid(),
  workspace_id uuid not null references workspaces (id) on delete cascade,
  firstname text,
  lastname text,
  email text,
  phone1 text,
  phone2 text,
  address1 text,
  address2 text,
  city text,
  state text,
  zip text,
  country text default 'US',
  dateadded timestamptz default now(),
  lastchanged timestamptz default now(),
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  created_by uuid references auth.users (id),
  updated_by uuid references auth.users (id),
  deleted_at timestamptz,
  migrated_from_contact_id uuid unique,
  migration_timestamp timestamptz default now()
);

-- A lead that the application makes has no migrated_from_contact_id: a customer may have many leads.
create table leads (
  id uuid primary key default gen_random_uuid(),
  customer_id uuid not null references customers (cst_id) on delete cascade,
  workspace_id uuid not null references workspaces (id) on delete cascade,
  productid text,
  source text,
  sourcesubdescr text,
  disposition text,
  stg_id integer,
  priority integer default 3,
  lead_score numeric(5, 2),
  entrydate timestamptz,
  apptdate timestamptz,
  apptset boolean default false,
  verified boolean default false,
  confirmed boolean default false,
  issued boolean default false,
  sat boolean default false,
  sold boolean default false,
  everset boolean default false,
  eververified boolean default false,
  everconfirmed boolean default false,
  lastchangedon timestamptz,
  lastchangedby text,
  created_at timestamptz,
  updated_at timestamptz,
  created_by uuid references auth.users (id),
  updated_by uuid references auth.users (id),
  deleted_at timestamptz,
  migrated_from_contact_id uuid unique,
  migration_timestamp timestamptz default now()
);

-- deleted_at takes an appointment whose date was cleared on the old side: a deletion would take its custom fields along, which only this side has.
create table appointments (
  id uuid primary key default gen_random_uuid(),
  lead_id uuid not null references leads (id) on delete cascade,
  workspace_id uuid not null references workspaces (id) on delete cascade,
  apptdate timestamptz not null,
  setbyname text,
  verifiedbyname text,
  confirmedbyname text,
  disposition text,
  apptset boolean default false,
  verified boolean default false,
  confirmed boolean default false,
  issued boolean default false,
  sat boolean default false,
  sold boolean default false,
  setdate timestamptz,
  verifieddate timestamptz,
  confirmeddate timestamptz,
  dates_estimated boolean not null default false,
  lastchangeddate timestamptz default now(),
  created_at timestamptz,
  updated_at timestamptz,
  created_by uuid,
  updated_by uuid,
  deleted_at timestamptz,
  migrated_from_contact_id uuid unique,
  migration_timestamp timestamptz default now()
);

-- These two are here and not among the indexes of phase 3, since an undo of the copy deletes customers and leads one by one, and each
-- such row looks for its leads and appointments. The unique keys below serve the custom fields the same way.
create index leads_customer on leads (customer_id, entrydate desc);
create index appointments_lead on appointments (lead_id, apptdate desc);

create table customer_custom_fields (
  id uuid primary key default gen_random_uuid(),
  customer_id uuid not null references customers (cst_id) on delete cascade,
  field_id uuid not null references custom_fields (id) on delete cascade,
  value jsonb,
  created_at timestamptz,
  updated_at timestamptz,
  created_by uuid,
  updated_by uuid,
  unique (customer_id, field_id)
);

create table lead_custom_fields (
  id uuid primary key default gen_random_uuid(),
  lead_id uuid not null references leads (id) on delete cascade,
  field_id uuid not null references custom_fields (id) on delete cascade,
  value jsonb,
  created_at timestamptz,
  updated_at timestamptz,
  created_by uuid,
  updated_by uuid,
  unique (lead_id, field_id)
);

create table appointment_custom_fields (
  id uuid primary key default gen_random_uuid(),
  appointment_id uuid not null references appointments (id) on delete cascade,
  field_id uuid not null references custom_fields (id) on delete cascade,
  value jsonb,
  created_at timestamptz,
  updated_at timestamptz,
  created_by uuid,
  updated_by uuid,
  unique (appointment_id, field_id)
);

-- Which table a field's values belong to: contact means customer_custom_fields.
--! allow: CHECK_SCAN because custom_fields has one row for each field that a workspace defined, which is read in milliseconds
alter table custom_fields
  add column context_type varchar(20) not null default 'contact' check (context_type in ('contact', 'lead', 'appointment')),
  add column context_config jsonb not null default '{}';
