-- What the recorded dumps are taken of: one of everything that restores stumble over. TABLESPACE is a
-- folder of the server's. Run by `psql --username=app --dbname=postgres`.
create role shop_owner login password 'hunter2';
create role readonly;
create role "Web User" login password 'secret' in role readonly;
create role superman superuser login password 'secret';
create database shop owner shop_owner;
alter database shop set statement_timeout = '50s';
alter role shop_owner in database shop set search_path = shop, public;
create tablespace fast location :'TABLESPACE';
\connect shop
set role shop_owner;
create schema shop authorization shop_owner;
comment on schema shop is 'it''s; a "shop"';
create table shop.goods (
    id int generated always as identity primary key,
    name text not null,
    price numeric(10, 2) default 1.50,
    note text
);
insert into shop.goods (name, price, note)
select 'good ' || g, g / 3.0, case g % 5
    when 0 then E'tab\there\nnewline \\. back\\slash'
    when 1 then null
    when 2 then '\.'
    when 3 then 'GRANT ALL ON x TO y; -- $$ '''
    else 'äöü 日本'
end
from generate_series(1, 12) g;
create table shop.orders (
    id serial primary key,
    good int references shop.goods (id),
    at timestamptz default now(),
    doc jsonb,
    raw bytea
);
insert into shop.orders (good, at, doc, raw)
select g, '2026-01-01 00:00Z'::timestamptz + g * interval '1 min',
    jsonb_build_object('a', g, 'q', 'it''s "x"\n'), decode(md5(g::text), 'hex')
from generate_series(1, 10) g;
create table shop.log (at date not null, line text) partition by range (at);
create table shop.log_1 partition of shop.log for values from ('2026-01-01') to ('2026-02-01');
insert into shop.log values ('2026-01-03', 'x');
create view shop.cheap as select * from shop.goods where price < 10;
create materialized view shop.totals as select good, count(*) from shop.orders group by 1;
create function shop.f(a int) returns int language plpgsql as $x$
begin -- ; DROP TABLE x;
    return a + 1;
end $x$;
create function shop.atomic(a int) returns int begin atomic
    select 1;
    select case when a > 1 then 2 else 3 end;
end;
create function shop.t() returns trigger language plpgsql as $$
begin new.note := coalesce(new.note, ''); return new; end $$;
create trigger tr before update on shop.goods for each row execute function shop.t();
create rule r as on insert to shop.cheap
do instead (insert into shop.goods (name) values (new.name); select 1);
create index on shop.goods (lower(name));
create type shop.mood as enum ('a;b', 'c''d');
create domain shop.pos as int check (value > 0);
grant select on shop.goods to readonly;
grant usage on schema shop to readonly, "Web User";
grant insert on shop.orders to "Web User" with grant option;
alter default privileges in schema shop grant select on tables to readonly;
alter table shop.orders enable row level security;
create policy p on shop.orders for select to readonly, "Web User" using (id > 3);
reset role;
grant readonly to shop_owner with admin option;
create function public.evt() returns event_trigger language plpgsql as $$ begin end $$;
create event trigger et on ddl_command_end execute function public.evt();
create publication pub for table shop.goods;
select lo_from_bytea(4711, 'large');
alter large object 4711 owner to shop_owner;
create table public.t2 (a text collate "C") tablespace fast;
insert into public.t2 values ('fast');
revoke create on schema public from public;
grant all on schema public to shop_owner;
create operator public.=== (leftarg = int, rightarg = int, function = int4eq);
create text search configuration public.ts (copy = simple);
create subscription sub connection 'host=db.example password=secret' publication p
with (connect = false);
