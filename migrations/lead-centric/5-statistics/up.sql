vacuum (analyze) customers;
vacuum (analyze) leads;
vacuum (analyze) appointments;
vacuum (analyze) customer_custom_fields;
vacuum (analyze) lead_custom_fields;
vacuum (analyze) appointment_custom_fields;
