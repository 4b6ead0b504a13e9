-- The old schema: contacts of many workspaces, each with its own custom fields. Any client can run this file; it takes an empty database.
create schema if not exists auth; -- PostgreSQL on RDS brings none
create table auth.users (id uuid primary key default gen_random_uuid(), email text);
create function auth.uid() returns uuid language sql stable
return nullif(current_setting('request.jwt.claim.sub', true), '')::uuid;

create table workspaces (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  created_at timestamptz not null default now()
);

create table workspace_users (
  workspace_id uuid not null references workspaces (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  role text not null default 'member',
  primary key (workspace_id, user_id)
);

create table contacts (
  id uuid primary key default gen_random_uuid(),
  workspace_id uuid not null references workspaces (id) on delete cascade,
  firstname text,
  lastname text,
  email text,
  phone_number text,
  st_address text,
  city text,
  state text,
  zip text,
  lead_status text,
  lead_source text,
  tags text,
  priority integer,
  appointment_date timestamptz,
  appointment_status_id integer,
  appointment_result_id integer,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  created_by uuid references auth.users (id)
);
create index contacts_workspace_idx on contacts (workspace_id);

create table custom_fields (
  id uuid primary key default gen_random_uuid(),
  workspace_id uuid not null references workspaces (id) on delete cascade,
  name text not null,
  field_type text not null,
  options jsonb,
  created_at timestamptz not null default now()
);

create table contact_custom_fields (
  id uuid primary key default gen_random_uuid(),
  contact_id uuid not null references contacts (id) on delete cascade,
  field_id uuid not null references custom_fields (id) on delete cascade,
  value text,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  created_by uuid references auth.users (id),
  unique (contact_id, field_id)
);
