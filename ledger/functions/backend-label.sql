-- The application_name under which a run works, by which its backends are found: at most 63 bytes, and no other run's begins like it.
create or replace function stepgate.backend_label(p_run text, p_label text) returns text
language sql immutable as $backend_label$
  select left('stepgate/' || case when length(p_run) > 40 then left(p_run, 31) || '~' || left(md5(p_run), 8) else p_run end || '/' || p_label, 63)
$backend_label$
