-- Nothing is carried between the sides any more. What only the old tables say goes with them: README.md, "Cleanup".
--! allow: DROPPED_IN_USE because the application has worked on the new tables since the cutover, and the snapshot of the cleanup run holds these
drop table contact_custom_fields;
--! allow: DROPPED_IN_USE because the application has worked on the new tables since the cutover, and the snapshot of the cleanup run holds these
drop table contacts;
