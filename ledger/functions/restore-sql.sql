-- One of the three statements that put a table's rows back, for those rows of stepgate.net_<id> n for which p_only holds.
-- A row that the phase inserted stays while any row refers to it: what a cascade would take is somebody else's.
create or replace function stepgate.restore_sql(p_image stepgate.image, p_act text, p_only text) returns text
language sql stable
set search_path = pg_catalog
as $restore_sql$
  with columns as (
    select *, format('((n.stepgate_new).stepgate_sign is null or row((n.stepgate_old).%1$s)::record *<> row((n.stepgate_new).%1$s)::record) and not %2$s = any (n.stepgate_kept)', name, number) as is_changed,
      format('row(t.%s)::record *<> row((n.stepgate_old).%s)::record', now, name) as is_other
    from stepgate.image_columns(p_image) where not is_computed
  ), lists as (
    select string_agg(now, ', ' order by number) as targets,
      string_agg(format('(n.stepgate_old).%s', name), ', ' order by number) as olds,
      -- An identity that is always generated cannot be set.
      string_agg(format('%1$s = case when %2$s then (n.stepgate_old).%3$s else t.%1$s end', now, is_changed, name), ', ' order by number) filter (where not is_always) as sets,
      string_agg(format('(%s and %s)', is_changed, is_other), ' or ' order by number) filter (where not is_always) as is_due
    from columns
  ), referring as (
    select coalesce(string_agg(format(' and not exists (select from %s c where %s%s)', stepgate.full_name(k.conrelid),
      (select string_agg(format('c.%I = t.%I', child.attname, parent.attname), ' and ')
        from unnest(k.conkey, k.confkey) as u (child, parent)
        join pg_attribute child on child.attrelid = k.conrelid and child.attnum = u.child
        join pg_attribute parent on parent.attrelid = k.confrelid and parent.attnum = u.parent),
      case when k.conrelid = k.confrelid then ' and c.ctid <> t.ctid' else '' end), ''), '') as nobody_refers
    from pg_constraint k where k.contype = 'f' and k.confrelid = p_image.table_oid and k.conparentid = 0
  )
  select case p_act
    when 'delete' then format('delete from %s t using stepgate.net_%s n where %s and n.stepgate_state = ''restore'' and (n.stepgate_old).stepgate_sign is null and %s%s',
      stepgate.full_name(p_image.table_oid), p_image.id, stepgate.image_match(p_image, 't.', 'n.'), p_only, nobody_refers)
    when 'update' then format('update %s t set %s from stepgate.net_%s n where %s and n.stepgate_state = ''restore'' and (n.stepgate_old).stepgate_sign is not null and (%s) and %s',
      stepgate.full_name(p_image.table_oid), sets, p_image.id, stepgate.image_match(p_image, 't.', 'n.'), is_due, p_only)
    when 'insert' then format('insert into %s (%s) overriding system value select %s from stepgate.net_%s n where n.stepgate_state = ''restore'' and (n.stepgate_old).stepgate_sign is not null and not exists (select from %1$s t where %5$s) and %6$s',
      stepgate.full_name(p_image.table_oid), targets, olds, p_image.id, stepgate.image_match(p_image, 't.', 'n.'), p_only)
  end
  from lists, referring
$restore_sql$
