--
-- PostgreSQL database dump
--

\restrict seed

-- Dumped from database version 15.20
-- Dumped by pg_dump version 15.20

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

DROP EVENT TRIGGER et;
DROP SUBSCRIPTION sub;
DROP PUBLICATION pub;
DROP POLICY p ON shop.orders;
ALTER TABLE ONLY shop.orders DROP CONSTRAINT orders_good_fkey;
DROP TRIGGER tr ON shop.goods;
DROP RULE r ON shop.cheap;
DROP INDEX shop.goods_lower_idx;
ALTER TABLE ONLY shop.orders DROP CONSTRAINT orders_pkey;
ALTER TABLE ONLY shop.goods DROP CONSTRAINT goods_pkey;
SELECT pg_catalog.lo_unlink('4711');
ALTER TABLE shop.orders ALTER COLUMN id DROP DEFAULT;
DROP MATERIALIZED VIEW shop.totals;
DROP SEQUENCE shop.orders_id_seq;
DROP TABLE shop.orders;
DROP TABLE shop.log_1;
DROP TABLE shop.log;
DROP VIEW shop.cheap;
DROP TABLE shop.goods;
DROP TABLE public.t2;
DROP TEXT SEARCH CONFIGURATION public.ts;
DROP OPERATOR public.=== (integer, integer);
DROP FUNCTION shop.t();
DROP FUNCTION shop.f(a integer);
DROP FUNCTION shop.atomic(a integer);
DROP FUNCTION public.evt();
DROP DOMAIN shop.pos;
DROP TYPE shop.mood;
DROP SCHEMA shop;
--
-- Name: shop; Type: SCHEMA; Schema: -; Owner: shop_owner
--

CREATE SCHEMA shop;


ALTER SCHEMA shop OWNER TO shop_owner;

--
-- Name: SCHEMA shop; Type: COMMENT; Schema: -; Owner: shop_owner
--

COMMENT ON SCHEMA shop IS 'it''s; a "shop"';


--
-- Name: mood; Type: TYPE; Schema: shop; Owner: shop_owner
--

CREATE TYPE shop.mood AS ENUM (
    'a;b',
    'c''d'
);


ALTER TYPE shop.mood OWNER TO shop_owner;

--
-- Name: pos; Type: DOMAIN; Schema: shop; Owner: shop_owner
--

CREATE DOMAIN shop.pos AS integer
	CONSTRAINT pos_check CHECK ((VALUE > 0));


ALTER DOMAIN shop.pos OWNER TO shop_owner;

--
-- Name: evt(); Type: FUNCTION; Schema: public; Owner: app
--

CREATE FUNCTION public.evt() RETURNS event_trigger
    LANGUAGE plpgsql
    AS $$ begin end $$;


ALTER FUNCTION public.evt() OWNER TO app;

--
-- Name: atomic(integer); Type: FUNCTION; Schema: shop; Owner: shop_owner
--

CREATE FUNCTION shop.atomic(a integer) RETURNS integer
    LANGUAGE sql
    BEGIN ATOMIC
 SELECT 1;
 SELECT
         CASE
             WHEN (a > 1) THEN 2
             ELSE 3
         END AS "case";
END;


ALTER FUNCTION shop.atomic(a integer) OWNER TO shop_owner;

--
-- Name: f(integer); Type: FUNCTION; Schema: shop; Owner: shop_owner
--

CREATE FUNCTION shop.f(a integer) RETURNS integer
    LANGUAGE plpgsql
    AS $$
begin -- ; DROP TABLE x;
    return a + 1;
end $$;


ALTER FUNCTION shop.f(a integer) OWNER TO shop_owner;

--
-- Name: t(); Type: FUNCTION; Schema: shop; Owner: shop_owner
--

CREATE FUNCTION shop.t() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin new.note := coalesce(new.note, ''); return new; end $$;


ALTER FUNCTION shop.t() OWNER TO shop_owner;

--
-- Name: ===; Type: OPERATOR; Schema: public; Owner: app
--

CREATE OPERATOR public.=== (
    FUNCTION = int4eq,
    LEFTARG = integer,
    RIGHTARG = integer
);


ALTER OPERATOR public.=== (integer, integer) OWNER TO app;

--
-- Name: ts; Type: TEXT SEARCH CONFIGURATION; Schema: public; Owner: app
--

CREATE TEXT SEARCH CONFIGURATION public.ts (
    PARSER = pg_catalog."default" );

ALTER TEXT SEARCH CONFIGURATION public.ts
    ADD MAPPING FOR asciiword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ts
    ADD MAPPING FOR word WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ts
    ADD MAPPING FOR numword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ts
    ADD MAPPING FOR email WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ts
    ADD MAPPING FOR url WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ts
    ADD MAPPING FOR host WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ts
    ADD MAPPING FOR sfloat WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ts
    ADD MAPPING FOR version WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ts
    ADD MAPPING FOR hword_numpart WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ts
    ADD MAPPING FOR hword_part WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ts
    ADD MAPPING FOR hword_asciipart WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ts
    ADD MAPPING FOR numhword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ts
    ADD MAPPING FOR asciihword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ts
    ADD MAPPING FOR hword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ts
    ADD MAPPING FOR url_path WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ts
    ADD MAPPING FOR file WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ts
    ADD MAPPING FOR "float" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ts
    ADD MAPPING FOR "int" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.ts
    ADD MAPPING FOR uint WITH simple;


ALTER TEXT SEARCH CONFIGURATION public.ts OWNER TO app;

SET default_tablespace = fast;

SET default_table_access_method = heap;

--
-- Name: t2; Type: TABLE; Schema: public; Owner: app; Tablespace: fast
--

CREATE TABLE public.t2 (
    a text COLLATE pg_catalog."C"
);


ALTER TABLE public.t2 OWNER TO app;

SET default_tablespace = '';

--
-- Name: goods; Type: TABLE; Schema: shop; Owner: shop_owner
--

CREATE TABLE shop.goods (
    id integer NOT NULL,
    name text NOT NULL,
    price numeric(10,2) DEFAULT 1.50,
    note text
);


ALTER TABLE shop.goods OWNER TO shop_owner;

--
-- Name: cheap; Type: VIEW; Schema: shop; Owner: shop_owner
--

CREATE VIEW shop.cheap AS
 SELECT goods.id,
    goods.name,
    goods.price,
    goods.note
   FROM shop.goods
  WHERE (goods.price < (10)::numeric);


ALTER TABLE shop.cheap OWNER TO shop_owner;

--
-- Name: goods_id_seq; Type: SEQUENCE; Schema: shop; Owner: shop_owner
--

ALTER TABLE shop.goods ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME shop.goods_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: log; Type: TABLE; Schema: shop; Owner: shop_owner
--

CREATE TABLE shop.log (
    at date NOT NULL,
    line text
)
PARTITION BY RANGE (at);


ALTER TABLE shop.log OWNER TO shop_owner;

--
-- Name: log_1; Type: TABLE; Schema: shop; Owner: shop_owner
--

CREATE TABLE shop.log_1 (
    at date NOT NULL,
    line text
);


ALTER TABLE shop.log_1 OWNER TO shop_owner;

--
-- Name: orders; Type: TABLE; Schema: shop; Owner: shop_owner
--

CREATE TABLE shop.orders (
    id integer NOT NULL,
    good integer,
    at timestamp with time zone DEFAULT now(),
    doc jsonb,
    raw bytea
);


ALTER TABLE shop.orders OWNER TO shop_owner;

--
-- Name: orders_id_seq; Type: SEQUENCE; Schema: shop; Owner: shop_owner
--

CREATE SEQUENCE shop.orders_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE shop.orders_id_seq OWNER TO shop_owner;

--
-- Name: orders_id_seq; Type: SEQUENCE OWNED BY; Schema: shop; Owner: shop_owner
--

ALTER SEQUENCE shop.orders_id_seq OWNED BY shop.orders.id;


--
-- Name: totals; Type: MATERIALIZED VIEW; Schema: shop; Owner: shop_owner
--

CREATE MATERIALIZED VIEW shop.totals AS
 SELECT orders.good,
    count(*) AS count
   FROM shop.orders
  GROUP BY orders.good
  WITH NO DATA;


ALTER TABLE shop.totals OWNER TO shop_owner;

--
-- Name: log_1; Type: TABLE ATTACH; Schema: shop; Owner: shop_owner
--

ALTER TABLE ONLY shop.log ATTACH PARTITION shop.log_1 FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');


--
-- Name: orders id; Type: DEFAULT; Schema: shop; Owner: shop_owner
--

ALTER TABLE ONLY shop.orders ALTER COLUMN id SET DEFAULT nextval('shop.orders_id_seq'::regclass);


--
-- Name: 4711; Type: BLOB; Schema: -; Owner: shop_owner
--

SELECT pg_catalog.lo_create('4711');


ALTER LARGE OBJECT 4711 OWNER TO shop_owner;

--
-- Data for Name: t2; Type: TABLE DATA; Schema: public; Owner: app
--

COPY public.t2 (a) FROM stdin;
fast
\.


--
-- Data for Name: goods; Type: TABLE DATA; Schema: shop; Owner: shop_owner
--

COPY shop.goods (id, name, price, note) FROM stdin;
1	good 1	0.33	\N
2	good 2	0.67	\\.
3	good 3	1.00	GRANT ALL ON x TO y; -- $$ '
4	good 4	1.33	äöü 日本
5	good 5	1.67	tab\there\nnewline \\. back\\slash
6	good 6	2.00	\N
7	good 7	2.33	\\.
8	good 8	2.67	GRANT ALL ON x TO y; -- $$ '
9	good 9	3.00	äöü 日本
10	good 10	3.33	tab\there\nnewline \\. back\\slash
11	good 11	3.67	\N
12	good 12	4.00	\\.
\.


--
-- Data for Name: log_1; Type: TABLE DATA; Schema: shop; Owner: shop_owner
--

COPY shop.log_1 (at, line) FROM stdin;
2026-01-03	x
\.


--
-- Data for Name: orders; Type: TABLE DATA; Schema: shop; Owner: shop_owner
--

COPY shop.orders (id, good, at, doc, raw) FROM stdin;
1	1	2026-01-01 00:01:00+00	{"a": 1, "q": "it's \\"x\\"\\\\n"}	\\xc4ca4238a0b923820dcc509a6f75849b
2	2	2026-01-01 00:02:00+00	{"a": 2, "q": "it's \\"x\\"\\\\n"}	\\xc81e728d9d4c2f636f067f89cc14862c
3	3	2026-01-01 00:03:00+00	{"a": 3, "q": "it's \\"x\\"\\\\n"}	\\xeccbc87e4b5ce2fe28308fd9f2a7baf3
4	4	2026-01-01 00:04:00+00	{"a": 4, "q": "it's \\"x\\"\\\\n"}	\\xa87ff679a2f3e71d9181a67b7542122c
5	5	2026-01-01 00:05:00+00	{"a": 5, "q": "it's \\"x\\"\\\\n"}	\\xe4da3b7fbbce2345d7772b0674a318d5
6	6	2026-01-01 00:06:00+00	{"a": 6, "q": "it's \\"x\\"\\\\n"}	\\x1679091c5a880faf6fb5e6087eb1b2dc
7	7	2026-01-01 00:07:00+00	{"a": 7, "q": "it's \\"x\\"\\\\n"}	\\x8f14e45fceea167a5a36dedd4bea2543
8	8	2026-01-01 00:08:00+00	{"a": 8, "q": "it's \\"x\\"\\\\n"}	\\xc9f0f895fb98ab9159f51fd0297e236d
9	9	2026-01-01 00:09:00+00	{"a": 9, "q": "it's \\"x\\"\\\\n"}	\\x45c48cce2e2d7fbdea1afc51c7c6ad26
10	10	2026-01-01 00:10:00+00	{"a": 10, "q": "it's \\"x\\"\\\\n"}	\\xd3d9446802a44259755d38e6d163e820
\.


--
-- Name: goods_id_seq; Type: SEQUENCE SET; Schema: shop; Owner: shop_owner
--

SELECT pg_catalog.setval('shop.goods_id_seq', 12, true);


--
-- Name: orders_id_seq; Type: SEQUENCE SET; Schema: shop; Owner: shop_owner
--

SELECT pg_catalog.setval('shop.orders_id_seq', 10, true);


--
-- Data for Name: BLOBS; Type: BLOBS; Schema: -; Owner: -
--

BEGIN;

SELECT pg_catalog.lo_open('4711', 131072);
SELECT pg_catalog.lowrite(0, '\x6c61726765');
SELECT pg_catalog.lo_close(0);

COMMIT;

--
-- Name: goods goods_pkey; Type: CONSTRAINT; Schema: shop; Owner: shop_owner
--

ALTER TABLE ONLY shop.goods
    ADD CONSTRAINT goods_pkey PRIMARY KEY (id);


--
-- Name: orders orders_pkey; Type: CONSTRAINT; Schema: shop; Owner: shop_owner
--

ALTER TABLE ONLY shop.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);


--
-- Name: goods_lower_idx; Type: INDEX; Schema: shop; Owner: shop_owner
--

CREATE INDEX goods_lower_idx ON shop.goods USING btree (lower(name));


--
-- Name: cheap r; Type: RULE; Schema: shop; Owner: shop_owner
--

CREATE RULE r AS
    ON INSERT TO shop.cheap DO INSTEAD ( INSERT INTO shop.goods (name)
  VALUES (new.name);
 SELECT 1 AS "?column?";
);


--
-- Name: goods tr; Type: TRIGGER; Schema: shop; Owner: shop_owner
--

CREATE TRIGGER tr BEFORE UPDATE ON shop.goods FOR EACH ROW EXECUTE FUNCTION shop.t();


--
-- Name: orders orders_good_fkey; Type: FK CONSTRAINT; Schema: shop; Owner: shop_owner
--

ALTER TABLE ONLY shop.orders
    ADD CONSTRAINT orders_good_fkey FOREIGN KEY (good) REFERENCES shop.goods(id);


--
-- Name: orders; Type: ROW SECURITY; Schema: shop; Owner: shop_owner
--

ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;

--
-- Name: orders p; Type: POLICY; Schema: shop; Owner: shop_owner
--

CREATE POLICY p ON shop.orders FOR SELECT TO readonly, "Web User" USING ((id > 3));


--
-- Name: pub; Type: PUBLICATION; Schema: -; Owner: app
--

CREATE PUBLICATION pub WITH (publish = 'insert, update, delete, truncate');


ALTER PUBLICATION pub OWNER TO app;

--
-- Name: pub goods; Type: PUBLICATION TABLE; Schema: shop; Owner: app
--

ALTER PUBLICATION pub ADD TABLE ONLY shop.goods;


--
-- Name: sub; Type: SUBSCRIPTION; Schema: -; Owner: app
--

CREATE SUBSCRIPTION sub CONNECTION 'host=db.example password=secret' PUBLICATION p WITH (connect = false, slot_name = 'sub');


ALTER SUBSCRIPTION sub OWNER TO app;

--
-- Name: SCHEMA public; Type: ACL; Schema: -; Owner: pg_database_owner
--

GRANT ALL ON SCHEMA public TO shop_owner;


--
-- Name: SCHEMA shop; Type: ACL; Schema: -; Owner: shop_owner
--

GRANT USAGE ON SCHEMA shop TO readonly;
GRANT USAGE ON SCHEMA shop TO "Web User";


--
-- Name: TABLE goods; Type: ACL; Schema: shop; Owner: shop_owner
--

GRANT SELECT ON TABLE shop.goods TO readonly;


--
-- Name: TABLE orders; Type: ACL; Schema: shop; Owner: shop_owner
--

GRANT INSERT ON TABLE shop.orders TO "Web User" WITH GRANT OPTION;


--
-- Name: DEFAULT PRIVILEGES FOR TABLES; Type: DEFAULT ACL; Schema: shop; Owner: shop_owner
--

ALTER DEFAULT PRIVILEGES FOR ROLE shop_owner IN SCHEMA shop GRANT SELECT ON TABLES  TO readonly;


--
-- Name: et; Type: EVENT TRIGGER; Schema: -; Owner: app
--

CREATE EVENT TRIGGER et ON ddl_command_end
   EXECUTE FUNCTION public.evt();


ALTER EVENT TRIGGER et OWNER TO app;

--
-- Name: totals; Type: MATERIALIZED VIEW DATA; Schema: shop; Owner: shop_owner
--

REFRESH MATERIALIZED VIEW shop.totals;


--
-- PostgreSQL database dump complete
--

\unrestrict seed

