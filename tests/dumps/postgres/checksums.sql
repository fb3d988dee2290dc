-- What must be the same in the database that was dumped and in the one that was loaded: one line.
set timezone = 'UTC';
set bytea_output = hex;
with things (thing) as (
    select t::text from shop.goods t
    union all select t::text from shop.orders t
    union all select t::text from shop.log t
    union all select t::text from shop.totals t
    union all select t::text from public.t2 t
    union all select lo_get(4711)::text
    union all select last_value::text from shop.orders_id_seq
    union all select relkind::text || count(*)::text from pg_class c
        join pg_namespace n on n.oid = relnamespace
        where nspname in ('shop', 'public') group by relkind
    union all select proname || md5(prosrc) from pg_proc p
        join pg_namespace n on n.oid = pronamespace where nspname = 'shop'
    union all select tgname::text from pg_trigger where not tgisinternal
    union all select evtname::text from pg_event_trigger
    union all select polname || array(
        select rolname from pg_roles where oid = any(polroles) order by 1)::text from pg_policy
    union all select pubname::text from pg_publication
    union all select has_table_privilege('readonly', 'shop.goods', 'select')::text
    union all select has_table_privilege('Web User', 'shop.orders', 'insert')::text
    union all select count(*)::text from pg_default_acl
    union all select obj_description('shop'::regnamespace)
)
select md5(string_agg(thing, E'\n' order by thing collate "C")) from things;
