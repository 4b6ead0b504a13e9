-- One line per catalog object of the application: what "the schema is as before" compares.
-- Privileges through acldefault (GRANT and REVOKE leave an explicit default behind), columns by their order (a dropped column leaves a gap),
-- no object ids and no sequence positions.
create or replace function stepgate.schema_lines() returns setof text
language sql stable
set search_path = pg_catalog set quote_all_identifiers = off
as $schema_lines$
  with namespaces as (
    select oid, nspname, nspowner, nspacl from pg_namespace
    where nspname !~ '^pg_' and nspname not in ('information_schema', 'stepgate', 'stepgate_archive')
  ), relations as (
    select c.*, n.nspname, format('%I.%I', n.nspname, c.relname) as full_name
    from pg_class c join namespaces n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c')
      and not exists (select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
  )
  select format('schema %I owner %I acl %s', nspname, pg_get_userbyid(nspowner), coalesce(nspacl, acldefault('n', nspowner))::text) from namespaces
  union all
  select format('relation %s kind %s persistence %s owner %I rls %s force %s options %s acl %s', full_name, relkind, relpersistence,
    pg_get_userbyid(relowner), relrowsecurity, relforcerowsecurity, reloptions::text,
    (select string_agg(item::text, ',' order by item::text)
     from unnest(coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner))) item))
  from relations
  union all
  select format('column %s %s %I type %s collation %s null %s default %s identity %s generated %s acl %s', r.full_name,
    row_number() over (partition by r.oid order by a.attnum), a.attname, format_type(a.atttypid, a.atttypmod),
    (select format('%I', collname) from pg_collation where oid = a.attcollation), not a.attnotnull,
    pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, a.attacl::text)
  from relations r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
  where r.relkind <> 'S'
  union all
  select format('constraint %s %I %s validated %s', r.full_name, k.conname, pg_get_constraintdef(k.oid), k.convalidated)
  from relations r join pg_constraint k on k.conrelid = r.oid
  union all
  select format('index %s valid %s', pg_get_indexdef(i.indexrelid), i.indisvalid) from relations r join pg_index i on i.indrelid = r.oid
  union all
  select format('trigger %s enabled %s', pg_get_triggerdef(t.oid), t.tgenabled) from relations r join pg_trigger t on t.tgrelid = r.oid and not t.tgisinternal
  union all
  select format('policy %s %I command %s permissive %s roles %s using %s check %s', r.full_name, p.polname, p.polcmd, p.polpermissive,
    (select string_agg(case when role = 0 then 'public' else pg_get_userbyid(role)::text end, ',' order by role) from unnest(p.polroles) role),
    pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
  from relations r join pg_policy p on p.polrelid = r.oid
  union all
  select format('view %s %s', full_name, pg_get_viewdef(oid)) from relations where relkind in ('v', 'm')
  union all
  select format('rule %s', pg_get_ruledef(w.oid)) from relations r join pg_rewrite w on w.ev_class = r.oid where w.rulename <> '_RETURN'
  union all
  select format('sequence %s type %s start %s increment %s min %s max %s cycle %s', r.full_name, format_type(s.seqtypid, null),
    s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcycle)
  from relations r join pg_sequence s on s.seqrelid = r.oid
  union all
  select format('inherits %s from %s', r.full_name, h.inhparent::regclass) from relations r join pg_inherits h on h.inhrelid = r.oid
  union all
  select format('function %s owner %I acl %s', case when f.prokind = 'a' then f.oid::regprocedure::text else pg_get_functiondef(f.oid) end,
    pg_get_userbyid(f.proowner), coalesce(f.proacl, acldefault('f', f.proowner))::text)
  from pg_proc f join namespaces n on n.oid = f.pronamespace
  where not exists (select 1 from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = f.oid and d.deptype = 'e')
  union all
  select format('type %I.%I %s %s', n.nspname, t.typname, t.typtype,
    coalesce((select string_agg(quote_literal(enumlabel), ',' order by enumsortorder) from pg_enum where enumtypid = t.oid),
      format_type(t.typbasetype, t.typtypmod)))
  from pg_type t join namespaces n on n.oid = t.typnamespace where t.typtype in ('e', 'd', 'r')
  union all
  select format('extension %I %s', extname, extversion) from pg_extension
  union all
  select format('comment on %s: %s', pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description)
  from pg_description d join relations r on d.classoid = 'pg_class'::regclass and d.objoid = r.oid
  union all
  select format('default privileges of %I in %s for %s: %s', pg_get_userbyid(defaclrole), defaclnamespace::regnamespace, defaclobjtype, defaclacl::text) from pg_default_acl
$schema_lines$
