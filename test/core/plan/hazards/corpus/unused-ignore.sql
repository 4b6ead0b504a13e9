-- squawk-ignore ban-drop-column
select 1;
