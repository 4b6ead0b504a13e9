-- One line per catalog object of the application: what "the schema is as before" compares.
-- Privileges through acldefault (GRANT and REVOKE leave an explicit default behind), columns by their order (a dropped column leaves a gap),
-- no object ids and no sequence positions. `about` are the names that the line is about, without schemas,
-- and of relations with them, too; null where it is about the whole database.
create or replace function stepgate.schema_objects(out line text, out about text[]) returns setof record
language sql stable
set search_path = pg_catalog set quote_all_identifiers = off
as $schema_objects$
  with namespaces as (
    select oid, nspname, nspowner, nspacl from pg_namespace
    where nspname !~ '^pg_' and nspname not in ('information_schema', 'stepgate', 'stepgate_archive')
  ), of_extensions as (
    select classid, objid from pg_depend where deptype = 'e'
  ), relations as (
    -- Its name, and those through which a statement reaches it: a partition's or heir's parents, the table of a sequence.
    select c.*, n.nspname, format('%I.%I', n.nspname, c.relname) as full_name, array(
      select unnest(array[k.relname, stepgate.exact_name(k.oid)]) from pg_class k where k.oid in (
        select c.oid
        union select h.inhparent from pg_inherits h where h.inhrelid = c.oid
        union select a.relid from pg_partition_ancestors(c.oid) a
        union select d.refobjid from pg_depend d
          where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i'))) as kin
    from pg_class c join namespaces n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c') and ('pg_class'::regclass, c.oid) not in (select classid, objid from of_extensions)
  )
  select format('schema %I owner %I acl %s', nspname, pg_get_userbyid(nspowner), stepgate.acl_text(coalesce(nspacl, acldefault('n', nspowner)))), array[nspname]::text[] from namespaces
  union all
  select format('relation %s kind %s persistence %s owner %I rls %s force %s options %s populated %s replica identity %s partition of %s by %s acl %s',
    full_name, relkind, relpersistence, pg_get_userbyid(relowner), relrowsecurity, relforcerowsecurity, reloptions::text, relispopulated, relreplident,
    pg_get_expr(relpartbound, oid), case relkind when 'p' then pg_get_partkeydef(oid) end,
    stepgate.acl_text(coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner)))), kin
  from relations
  union all
  select format('column %s %s %I type %s collation %s null %s default %s identity %s generated %s storage %s compression %s statistics %s options %s acl %s',
    r.full_name, row_number() over (partition by r.oid order by a.attnum), a.attname, format_type(a.atttypid, a.atttypmod),
    (select format('%I', collname) from pg_collation where oid = a.attcollation), not a.attnotnull,
    pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, a.attstorage, a.attcompression, coalesce(a.attstattarget, -1), a.attoptions::text,
    stepgate.acl_text(a.attacl)), r.kin
  from relations r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
  where r.relkind <> 'S'
  union all
  select format('constraint %s %I %s validated %s', coalesce(r.full_name, t.typname), k.conname, pg_get_constraintdef(k.oid), k.convalidated),
    coalesce(r.kin, array[t.typname::text]) || k.conname::text
  from pg_constraint k join namespaces n on n.oid = k.connamespace left join relations r on r.oid = k.conrelid left join pg_type t on t.oid = k.contypid
  where r.oid is not null or t.oid is not null
  union all
  select format('index %s valid %s replica identity %s clustered %s', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisreplident, i.indisclustered),
    r.kin || array[(select relname::text from pg_class where oid = i.indexrelid), stepgate.exact_name(i.indexrelid)]
  from relations r join pg_index i on i.indrelid = r.oid
  union all
  select format('statistics %s', pg_get_statisticsobjdef(s.oid)), array[s.stxname, (select relname from pg_class where oid = s.stxrelid), stepgate.exact_name(s.stxrelid)]::text[] from pg_statistic_ext s join namespaces n on n.oid = s.stxnamespace
  union all
  select format('trigger %s enabled %s', pg_get_triggerdef(t.oid), t.tgenabled), r.kin || t.tgname::text from relations r join pg_trigger t on t.tgrelid = r.oid and not t.tgisinternal
  union all
  select format('event trigger %I on %s calls %s enabled %s', evtname, evtevent, evtfoid::regprocedure, evtenabled), null from pg_event_trigger
  union all
  select format('policy %s %I command %s permissive %s roles %s using %s check %s', r.full_name, p.polname, p.polcmd, p.polpermissive,
    (select string_agg(case when role = 0 then 'public' else pg_get_userbyid(role)::text end, ',' order by role) from unnest(p.polroles) role),
    pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)),
    r.kin || p.polname::text
  from relations r join pg_policy p on p.polrelid = r.oid
  union all
  select format('view %s %s', full_name, pg_get_viewdef(oid)), kin from relations where relkind in ('v', 'm')
  union all
  select format('rule %s enabled %s', pg_get_ruledef(w.oid), w.ev_enabled), r.kin || w.rulename::text from relations r join pg_rewrite w on w.ev_class = r.oid where w.rulename <> '_RETURN'
  union all
  select format('sequence %s type %s start %s increment %s min %s max %s cycle %s', r.full_name, format_type(s.seqtypid, null),
    s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcycle), r.kin
  from relations r join pg_sequence s on s.seqrelid = r.oid
  union all
  select format('inherits %s from %s', r.full_name, h.inhparent::regclass), r.kin from relations r join pg_inherits h on h.inhrelid = r.oid
  union all
  select format('function %s owner %I acl %s', case when f.prokind = 'a' then f.oid::regprocedure::text else pg_get_functiondef(f.oid) end,
    pg_get_userbyid(f.proowner), stepgate.acl_text(coalesce(f.proacl, acldefault('f', f.proowner)))), array[f.proname]::text[]
  from pg_proc f join namespaces n on n.oid = f.pronamespace
  where ('pg_proc'::regclass, f.oid) not in (select classid, objid from of_extensions)
  union all
  select format('type %I.%I %s owner %I null %s default %s of %s acl %s', n.nspname, t.typname, t.typtype, pg_get_userbyid(t.typowner), not t.typnotnull, t.typdefault,
    coalesce((select string_agg(quote_literal(enumlabel), ',' order by enumsortorder) from pg_enum where enumtypid = t.oid),
      (select format_type(rngsubtype, null) from pg_range where rngtypid = t.oid), format_type(t.typbasetype, t.typtypmod)),
    stepgate.acl_text(coalesce(t.typacl, acldefault('T', t.typowner)))), array[t.typname]::text[]
  from pg_type t join namespaces n on n.oid = t.typnamespace
  where t.typtype in ('e', 'd', 'r') and ('pg_type'::regclass, t.oid) not in (select classid, objid from of_extensions)
  union all
  select format('collation %I.%I provider %s deterministic %s', n.nspname, c.collname, c.collprovider, c.collisdeterministic), array[c.collname]::text[]
  from pg_collation c join namespaces n on n.oid = c.collnamespace
  union all
  select format('extension %I %s', extname, extversion), array[extname]::text[] from pg_extension
  union all
  select format('publication %I all %s inserts %s updates %s deletes %s tables %s', pubname, puballtables, pubinsert, pubupdate, pubdelete,
    (select string_agg(prrelid::regclass::text, ',' order by prrelid::regclass::text) from pg_publication_rel where prpubid = p.oid)), array(select pubname::text union select relname::text from pg_publication_rel join pg_class on pg_class.oid = prrelid where prpubid = p.oid)
  from pg_publication p
  union all
  select format('setting of %s: %s', case setrole when 0 then 'everybody' else pg_get_userbyid(setrole)::text end,
    (select string_agg(split_part(s, '=', 1) || ' ' || md5(s), ', ' order by s) from unnest(setconfig) s)), null
  from pg_db_role_setting where setdatabase = (select oid from pg_database where datname = current_database())
  union all
  -- Below 16384 are objects that came with the server, but the schema public is the application's (PostgreSQL, FirstNormalObjectId).
  select format('comment on %s: %s', pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description), case d.classoid
      when 'pg_class'::regclass then array[(select relname from pg_class where oid = d.objoid), stepgate.exact_name(d.objoid)]::text[]
      when 'pg_proc'::regclass then array[(select proname from pg_proc where oid = d.objoid)]::text[]
      when 'pg_type'::regclass then array[(select typname from pg_type where oid = d.objoid)]::text[] end
  from pg_description d
  where (d.objoid >= 16384 or d.classoid = 'pg_namespace'::regclass) and (d.classoid, d.objoid) not in (select classid, objid from of_extensions)
  union all
  select format('default privileges of %I in %s for %s: %s', pg_get_userbyid(defaclrole), defaclnamespace::regnamespace, defaclobjtype,
    stepgate.acl_text(defaclacl)), null from pg_default_acl
$schema_objects$
