-- A row belongs to the members of its workspace: auth.uid() says who asks, workspace_users who belongs where. Tables' owners are
-- not filtered, so the run's own checks see every row. (select auth.uid()) is asked once per query, not once per row. An appointment that
-- is marked as deleted is seen by nobody: the mark is live sync's, and the application knows of none.

alter table customers enable row level security;
create policy customers_select on customers for select using (
  workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
);
create policy customers_insert on customers for insert with check (
  workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
);
create policy customers_update on customers for update using (
  workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
) with check (
  workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
);
create policy customers_delete on customers for delete using (
  workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
);

alter table leads enable row level security;
create policy leads_select on leads for select using (
  workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
);
create policy leads_insert on leads for insert with check (
  workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
  and exists (select from customers o where o.cst_id = leads.customer_id and o.workspace_id = leads.workspace_id)
);
create policy leads_update on leads for update using (
  workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
) with check (
  workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
  and exists (select from customers o where o.cst_id = leads.customer_id and o.workspace_id = leads.workspace_id)
);
create policy leads_delete on leads for delete using (
  workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
);

alter table appointments enable row level security;
create policy appointments_select on appointments for select using (
  deleted_at is null
  and workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
);
create policy appointments_insert on appointments for insert with check (
  workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
  and exists (select from leads o where o.id = appointments.lead_id and o.workspace_id = appointments.workspace_id)
);
create policy appointments_update on appointments for update using (
  deleted_at is null
  and workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
) with check (
  workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
  and exists (select from leads o where o.id = appointments.lead_id and o.workspace_id = appointments.workspace_id)
);
create policy appointments_delete on appointments for delete using (
  deleted_at is null
  and workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
);

alter table customer_custom_fields enable row level security;
create policy customer_custom_fields_select on customer_custom_fields for select using (
  exists (
    select from customers o
    where o.cst_id = customer_custom_fields.customer_id and o.workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
  )
);
create policy customer_custom_fields_insert on customer_custom_fields for insert with check (
  exists (
    select from customers o
    where o.cst_id = customer_custom_fields.customer_id and o.workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
  )
);
create policy customer_custom_fields_update on customer_custom_fields for update using (
  exists (
    select from customers o
    where o.cst_id = customer_custom_fields.customer_id and o.workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
  )
) with check (
  exists (
    select from customers o
    where o.cst_id = customer_custom_fields.customer_id and o.workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
  )
);
create policy customer_custom_fields_delete on customer_custom_fields for delete using (
  exists (
    select from customers o
    where o.cst_id = customer_custom_fields.customer_id and o.workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
  )
);

alter table lead_custom_fields enable row level security;
create policy lead_custom_fields_select on lead_custom_fields for select using (
  exists (
    select from leads o
    where o.id = lead_custom_fields.lead_id and o.workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
  )
);
create policy lead_custom_fields_insert on lead_custom_fields for insert with check (
  exists (
    select from leads o
    where o.id = lead_custom_fields.lead_id and o.workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
  )
);
create policy lead_custom_fields_update on lead_custom_fields for update using (
  exists (
    select from leads o
    where o.id = lead_custom_fields.lead_id and o.workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
  )
) with check (
  exists (
    select from leads o
    where o.id = lead_custom_fields.lead_id and o.workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
  )
);
create policy lead_custom_fields_delete on lead_custom_fields for delete using (
  exists (
    select from leads o
    where o.id = lead_custom_fields.lead_id and o.workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
  )
);

alter table appointment_custom_fields enable row level security;
create policy appointment_custom_fields_select on appointment_custom_fields for select using (
  exists (
    select from appointments o
    where o.id = appointment_custom_fields.appointment_id and o.workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
  )
);
create policy appointment_custom_fields_insert on appointment_custom_fields for insert with check (
  exists (
    select from appointments o
    where o.id = appointment_custom_fields.appointment_id and o.workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
  )
);
create policy appointment_custom_fields_update on appointment_custom_fields for update using (
  exists (
    select from appointments o
    where o.id = appointment_custom_fields.appointment_id and o.workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
  )
) with check (
  exists (
    select from appointments o
    where o.id = appointment_custom_fields.appointment_id and o.workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
  )
);
create policy appointment_custom_fields_delete on appointment_custom_fields for delete using (
  exists (
    select from appointments o
    where o.id = appointment_custom_fields.appointment_id and o.workspace_id in (select w.workspace_id from workspace_users w where w.user_id = (select auth.uid()))
  )
);
