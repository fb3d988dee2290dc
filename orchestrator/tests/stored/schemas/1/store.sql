PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
CREATE TABLE databases (
    preview  TEXT NOT NULL REFERENCES previews (id),
    name     TEXT NOT NULL,
    life     INTEGER NOT NULL,
    password TEXT NOT NULL,
    born_at  INTEGER,
    PRIMARY KEY (preview, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "databases" VALUES('notes-up','main',1,'8b129518717fe5904d66a33ae374709d',1795983844755);
INSERT INTO "databases" VALUES('seed-up','main',1,'7eec910bb88b375440837b3cc06a6721',NULL);
INSERT INTO "databases" VALUES('shop-1','main',1,'1e6c4b84fe83e677b0f9ff9d8b9393dd',1795983865475);
CREATE TABLE deliveries (
    guid        TEXT PRIMARY KEY,
    event       TEXT NOT NULL,
    action      TEXT,
    repository  TEXT,
    number      INTEGER,
    decision    TEXT NOT NULL,            -- 'look', 'look-all', 'ignored'
    reason      TEXT,
    received_at INTEGER NOT NULL
) STRICT;
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000001','ping',NULL,NULL,NULL,'ignored','a ping: the webhook is set up',1795983859454);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000002','star_gazing','created',NULL,NULL,'ignored','no preview depends on the event "star_gazing"',1795983859470);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000003','pull_request','assigned',NULL,NULL,'ignored','no preview depends on the action "assigned" of a pull request',1795983859475);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000004','pull_request','opened','acme/shop',1,'look',NULL,1795983859614);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000005','pull_request','synchronize','acme/shop',1,'look',NULL,1795983868562);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000006','pull_request','opened','acme/shop',8,'look',NULL,1795983872184);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000007','pull_request','edited','acme/shop',8,'look',NULL,1795983874046);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000008','pull_request','opened','acme/shop',9,'look',NULL,1795983874450);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000009','pull_request','edited','acme/shop',9,'look',NULL,1795983876054);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000010','pull_request','opened','acme/shop',2,'look',NULL,1795983876460);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000011','pull_request','closed','acme/shop',2,'look',NULL,1795983878381);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000012','pull_request','opened','acme/shop',3,'look',NULL,1795983879701);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000013','pull_request','closed','acme/shop',3,'look',NULL,1795983881577);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000014','pull_request','opened','acme/shop',4,'look',NULL,1795983882614);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000015','pull_request','opened','acme/shop',5,'look',NULL,1795983883037);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000016','pull_request','opened','acme/shop',6,'look',NULL,1795983885870);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000017','pull_request','synchronize','acme/shop',6,'look',NULL,1795983887896);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000018','pull_request','opened','acme/shop',7,'look',NULL,1795983889871);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000019','pull_request','closed','acme/shop',7,'look',NULL,1795983892049);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000020','pull_request','reopened','acme/shop',7,'look',NULL,1795983893009);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000021','pull_request','opened','acme/blog',1,'look',NULL,1795983895024);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000022','pull_request','opened','acme/docs',1,'look',NULL,1795983897219);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000023','pull_request','synchronize','acme/docs',1,'look',NULL,1795983897230);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000024','pull_request','opened','acme/docs',2,'look',NULL,1795983897245);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000025','pull_request','closed','acme/docs',2,'look',NULL,1795983897254);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000026','repository','renamed','acme/journal',NULL,'look-all',NULL,1795983897264);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000027','pull_request','edited','acme/shop',9,'look',NULL,1795983998179);
CREATE TABLE events (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    preview  TEXT NOT NULL,
    revision INTEGER,
    at       INTEGER NOT NULL,
    step     TEXT NOT NULL,
    took_ms  INTEGER NOT NULL,
    note     TEXT
) STRICT;
INSERT INTO "events" VALUES(1,'page-up',1,1795983815806,'begin',9,NULL);
INSERT INTO "events" VALUES(2,'page-up',1,1795983815825,'source',17,NULL);
INSERT INTO "events" VALUES(3,'page-up',NULL,1795983815921,'network',93,NULL);
INSERT INTO "events" VALUES(18,'broken-up',1,1795983819187,'begin',1,NULL);
INSERT INTO "events" VALUES(19,'broken-up',1,1795983819227,'source',34,NULL);
INSERT INTO "events" VALUES(22,'broken-up',NULL,1795983819534,'network',305,NULL);
INSERT INTO "events" VALUES(25,'crash-up',1,1795983820564,'begin',6,NULL);
INSERT INTO "events" VALUES(26,'crash-up',1,1795983820605,'source',36,NULL);
INSERT INTO "events" VALUES(28,'crash-up',NULL,1795983820814,'network',206,NULL);
INSERT INTO "events" VALUES(34,'gone-up',1,1795983827374,'begin',10,NULL);
INSERT INTO "events" VALUES(36,'gone-up',1,1795983827432,'source',48,NULL);
INSERT INTO "events" VALUES(38,'gone-up',NULL,1795983827966,'network',530,NULL);
INSERT INTO "events" VALUES(48,'back-up',1,1795983830029,'begin',22,NULL);
INSERT INTO "events" VALUES(49,'back-up',1,1795983830070,'source',35,NULL);
INSERT INTO "events" VALUES(50,'back-up',NULL,1795983830208,'network',134,NULL);
INSERT INTO "events" VALUES(67,'hasty-up',1,1795983834421,'begin',1,NULL);
INSERT INTO "events" VALUES(68,'hasty-up',1,1795983834457,'source',31,NULL);
INSERT INTO "events" VALUES(69,'hasty-up',NULL,1795983834608,'network',149,NULL);
INSERT INTO "events" VALUES(79,'invalid-up',1,1795983838427,'begin',6,NULL);
INSERT INTO "events" VALUES(80,'invalid-up',1,1795983838458,'source',27,'dayfly.toml:3: unknown key "prot" in [services.web]; did you mean "port"?');
INSERT INTO "events" VALUES(81,'notes-up',1,1795983838601,'begin',2,NULL);
INSERT INTO "events" VALUES(82,'notes-up',1,1795983838636,'source',31,NULL);
INSERT INTO "events" VALUES(83,'notes-up',NULL,1795983838801,'network',161,NULL);
INSERT INTO "events" VALUES(109,'seed-up',1,1795983854103,'begin',1,NULL);
INSERT INTO "events" VALUES(111,'seed-up',1,1795983854168,'source',62,NULL);
INSERT INTO "events" VALUES(112,'seed-up',NULL,1795983854407,'network',235,NULL);
INSERT INTO "events" VALUES(117,'shop-1',NULL,1795983859669,'read',8,NULL);
INSERT INTO "events" VALUES(119,'shop-1',1,1795983859677,'begin',5,NULL);
INSERT INTO "events" VALUES(121,'shop-1',1,1795983859921,'source',226,NULL);
INSERT INTO "events" VALUES(142,'shop-8',NULL,1795983872238,'read',24,NULL);
INSERT INTO "events" VALUES(143,'shop-8',1,1795983872245,'begin',4,NULL);
INSERT INTO "events" VALUES(146,'shop-8',1,1795983872512,'source',261,NULL);
INSERT INTO "events" VALUES(155,'shop-9',NULL,1795983874503,'read',13,NULL);
INSERT INTO "events" VALUES(156,'shop-9',1,1795983874506,'begin',1,NULL);
INSERT INTO "events" VALUES(157,'shop-9',1,1795983874696,'source',188,NULL);
INSERT INTO "events" VALUES(165,'shop-2',NULL,1795983876513,'read',5,NULL);
INSERT INTO "events" VALUES(166,'shop-2',1,1795983876518,'begin',1,NULL);
INSERT INTO "events" VALUES(167,'shop-2',1,1795983876740,'source',216,NULL);
INSERT INTO "events" VALUES(181,'shop-3',NULL,1795983879760,'read',8,NULL);
INSERT INTO "events" VALUES(182,'shop-3',1,1795983879771,'begin',8,NULL);
INSERT INTO "events" VALUES(183,'shop-3',1,1795983879948,'source',175,NULL);
INSERT INTO "events" VALUES(197,'shop-4',NULL,1795983882672,'read',18,NULL);
INSERT INTO "events" VALUES(198,'shop-5',NULL,1795983883092,'read',21,NULL);
INSERT INTO "events" VALUES(199,'shop-5',1,1795983883096,'begin',1,NULL);
INSERT INTO "events" VALUES(200,'shop-5',1,1795983883268,'source',165,NULL);
INSERT INTO "events" VALUES(213,'shop-6',NULL,1795983885926,'read',9,NULL);
INSERT INTO "events" VALUES(214,'shop-6',1,1795983885931,'begin',1,NULL);
INSERT INTO "events" VALUES(215,'shop-6',1,1795983886152,'source',219,NULL);
INSERT INTO "events" VALUES(228,'shop-7',NULL,1795983889920,'read',21,NULL);
INSERT INTO "events" VALUES(229,'shop-7',1,1795983889924,'begin',1,NULL);
INSERT INTO "events" VALUES(230,'shop-7',1,1795983890117,'source',189,NULL);
INSERT INTO "events" VALUES(253,'blog-1',NULL,1795983895131,'read',19,NULL);
INSERT INTO "events" VALUES(254,'blog-1',1,1795983895141,'begin',6,NULL);
INSERT INTO "events" VALUES(255,'blog-1',1,1795983895421,'source',276,NULL);
INSERT INTO "events" VALUES(270,'slow-up',1,1795983999728,'begin',1,NULL);
INSERT INTO "events" VALUES(271,'slow-up',1,1795983999760,'source',30,NULL);
INSERT INTO "events" VALUES(272,'slow-up',NULL,1795984000069,'network',306,NULL);
INSERT INTO "events" VALUES(273,'waiting-up',1,1795984000129,'begin',1,NULL);
INSERT INTO "events" VALUES(274,'waiting-up',1,1795984000160,'source',25,NULL);
INSERT INTO "events" VALUES(275,'waiting-up',NULL,1795984000312,'network',150,NULL);
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
INSERT INTO "meta" VALUES('instance','374da88a');
CREATE TABLE previews (
    id              TEXT PRIMARY KEY,
    origin          TEXT NOT NULL CHECK (origin IN ('pull-request', 'local')),
    repository_id   INTEGER REFERENCES repositories (id),
    number          INTEGER,
    slug            TEXT NOT NULL,        -- the part of its host names that says whose it is
    life            INTEGER NOT NULL DEFAULT 1,
    wanted          TEXT NOT NULL,        -- JSON
    looks_raised    INTEGER NOT NULL DEFAULT 0,
    looks_applied   INTEGER NOT NULL DEFAULT 0,
    request         INTEGER NOT NULL DEFAULT 0,
    confirmed       INTEGER,
    clearing        INTEGER NOT NULL DEFAULT 0,
    hold            TEXT,                 -- JSON
    missing_since   INTEGER,
    reported        TEXT,
    records         INTEGER NOT NULL DEFAULT 0,
    link_token      TEXT,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    pushed_at       INTEGER NOT NULL,
    visited_at      INTEGER,
    gone_at         INTEGER,
    UNIQUE (repository_id, number)
) STRICT;
INSERT INTO "previews" VALUES('page-up','local',NULL,NULL,'page',1,'{"Serve":{"commit":"b5a1bb37355efe0bcef783330e1494b40128e0b9","branch":"trunk","base":"","author":"","title":"/srv/example/checkouts/page"}}',0,0,0,NULL,0,NULL,NULL,NULL,0,'8d364699e9e6f8f2674effaf832e4686',1795983815757,1795983817611,1795983817611,1795983818996,NULL);
INSERT INTO "previews" VALUES('broken-up','local',NULL,NULL,'broken',1,'{"Serve":{"commit":"79e5294dce8ff5948cd507e12870c81c65dfcb80","branch":"trunk","base":"","author":"","title":"/srv/example/checkouts/broken"}}',0,0,0,NULL,0,NULL,NULL,NULL,0,'6605d82223a8a2721fae7ce0f81b5e20',1795983819091,1795983819091,1795983819091,NULL,NULL);
INSERT INTO "previews" VALUES('crash-up','local',NULL,NULL,'crash',1,'{"Serve":{"commit":"239681870cfd38f29bc9ebd25f7d8698898f56cd","branch":"trunk","base":"","author":"","title":"/srv/example/checkouts/crash"}}',0,0,0,NULL,0,NULL,NULL,NULL,0,'792c4ea5fa7f4b6d75b0aa7196baa349',1795983820501,1795983820501,1795983820501,NULL,NULL);
INSERT INTO "previews" VALUES('gone-up','local',NULL,NULL,'gone',2,'{"Nothing":"removed"}',0,0,0,NULL,0,NULL,NULL,NULL,0,'bde1ba06f9a3b6aec83b2a5ca5d7e859',1795983827295,1795983829888,1795983827295,NULL,1795983829888);
INSERT INTO "previews" VALUES('back-up','local',NULL,NULL,'back',2,'{"Nothing":"removed"}',0,0,0,NULL,1,NULL,NULL,NULL,0,'13bf38ad5613e2fc539b98079dbeafa3',1795983829971,1795984000441,1795983832465,NULL,NULL);
INSERT INTO "previews" VALUES('hasty-up','local',NULL,NULL,'hasty',1,'{"Serve":{"commit":"f138870fb62f7db1b3a39d78f297d09fd62b9c2c","branch":"trunk","base":"","author":"","title":"/srv/example/checkouts/hasty"}}',0,0,0,NULL,0,NULL,NULL,NULL,0,'d70baa5a7eb27b9234d84fdd2820fb70',1795983834359,1795983836746,1795983836746,NULL,NULL);
INSERT INTO "previews" VALUES('invalid-up','local',NULL,NULL,'invalid',1,'{"Serve":{"commit":"9819eb46b7bc2b969218658673715d6286b48e8d","branch":"trunk","base":"","author":"","title":"/srv/example/checkouts/invalid"}}',0,0,0,NULL,0,NULL,NULL,NULL,0,'16f7f96588782418f0b62e3538171f17',1795983838367,1795983838367,1795983838367,NULL,NULL);
INSERT INTO "previews" VALUES('notes-up','local',NULL,NULL,'notes',1,'{"Serve":{"commit":"53dd7779fc7c3c7d1059112e14413a63a6e9e1bb","branch":"trunk","base":"","author":"","title":"/srv/example/checkouts/notes"}}',0,0,0,NULL,0,NULL,NULL,NULL,0,'176b853f82c6e4804a2be752b67de34c',1795983838524,1795983851300,1795983851300,NULL,NULL);
INSERT INTO "previews" VALUES('seed-up','local',NULL,NULL,'seed',1,'{"Serve":{"commit":"74226fec1d02730e151449d8bcda161c1cbee316","branch":"trunk","base":"","author":"","title":"/srv/example/checkouts/seed"}}',0,0,0,NULL,0,NULL,NULL,NULL,0,'b60a7bc16985a6360bdb7f80ff17d6fd',1795983854031,1795983854031,1795983854031,NULL,NULL);
INSERT INTO "previews" VALUES('shop-1','pull-request',101,1,'shop',1,'{"Serve":{"commit":"b6f83e6127678e0b2cb340070faa94999fc2f935","branch":"notes","base":"main","author":"ada","title":"Notes, 1st"}}',2,2,0,2,0,NULL,NULL,'live b6f83e6127678e0b2cb340070faa94999fc2f935 2 b6f83e6127678e0b2cb340070faa94999fc2f935 - None -',1,'1bf9cb800a6bf36c0c9c3b4697d17b8f',1795983859614,1795983871694,1795983868606,1795983872064,NULL);
INSERT INTO "previews" VALUES('shop-8','pull-request',101,8,'shop',1,'{"Serve":{"commit":"686e79be38a1dfd1cdda92d6f71f5a4a79144e5c","branch":"lost-8","base":"main","author":"ada","title":"Lost"}}',2,2,0,1,0,NULL,1795983874160,'live 686e79be38a1dfd1cdda92d6f71f5a4a79144e5c 1 686e79be38a1dfd1cdda92d6f71f5a4a79144e5c - None -',1,'70ccce57610d6b42ea7f98ef70ca712b',1795983872184,1795983874160,1795983872216,NULL,NULL);
INSERT INTO "previews" VALUES('shop-9','pull-request',101,9,'shop',2,'{"Nothing":"missing"}',3,3,0,1,0,NULL,1795983876177,'gone - 0 - - Some(Missing) -',0,'c98ce08f429616fbf697999b55518f11',1795983874450,1795983999583,1795983874499,NULL,1795983999583);
INSERT INTO "previews" VALUES('shop-2','pull-request',101,2,'shop',2,'{"Nothing":"closed"}',2,2,0,1,0,NULL,NULL,'gone - 0 - - Some(Closed) -',0,'9104c223ad0601c54f95c71207cdd66e',1795983876460,1795983879343,1795983876495,NULL,1795983879343);
INSERT INTO "previews" VALUES('shop-3','pull-request',101,3,'shop',2,'{"Nothing":"merged"}',2,2,0,1,0,NULL,NULL,'gone - 0 - - Some(Merged) -',0,'5c19653a56a08495ea26adea4c9a9063',1795983879701,1795983882474,1795983879745,NULL,1795983882474);
INSERT INTO "previews" VALUES('shop-4','pull-request',101,4,'shop',1,'{"Nothing":"fork"}',1,1,0,NULL,0,NULL,NULL,'gone - 0 - - Some(Fork) -',0,'7dd28159a33c7fafd55a19131304ebde',1795983882614,1795983882653,1795983882614,NULL,NULL);
INSERT INTO "previews" VALUES('shop-5','pull-request',101,5,'shop',2,'{"Nothing":"removed"}',1,1,0,1,0,'{"ending":"removed","commit":null}',NULL,'gone - 0 - - Some(Removed) -',0,'5e6abdaa6312d1ae725e8cd0b7939cce',1795983883037,1795983885715,1795983883087,NULL,1795983885715);
INSERT INTO "previews" VALUES('shop-6','pull-request',101,6,'shop',1,'{"Serve":{"commit":"a3abb782b5ae081325f02177a142a96c35ed64df","branch":"failing","base":"main","author":"ada","title":"Good at first; then \"bad\""}}',2,2,0,1,0,NULL,NULL,'failed a3abb782b5ae081325f02177a142a96c35ed64df 2 e8c982391dd91192c1b87e2b6d9375e75b310416 DF201 None -',1,'bc7c40b5cc1ed1b7bc76a83221a4a4b2',1795983885870,1795983887924,1795983887924,NULL,NULL);
INSERT INTO "previews" VALUES('shop-7','pull-request',101,7,'shop',2,'{"Serve":{"commit":"e03a38e41412a2ca32f1f64d63ce0848443e935d","branch":"again","base":"main","author":"ada","title":"Once more"}}',3,3,0,2,0,NULL,NULL,'live e03a38e41412a2ca32f1f64d63ce0848443e935d 2 e03a38e41412a2ca32f1f64d63ce0848443e935d - None -',1,'b63bbeab723bed2e95a54ccbbe99e4b3',1795983889871,1795983894585,1795983893085,NULL,NULL);
INSERT INTO "previews" VALUES('blog-1','pull-request',202,1,'blog',1,'{"Serve":{"commit":"d4088594408966dd4ec077e554e49360c1dcb525","branch":"post","base":"main","author":"grace","title":"Ein Beitrag — mit Umlaut: ä"}}',2,2,0,1,0,NULL,NULL,'live d4088594408966dd4ec077e554e49360c1dcb525 1 d4088594408966dd4ec077e554e49360c1dcb525 - None -',1,'6b9508a65ebaa52646b11c981aa2055b',1795983895024,1795983897340,1795983895117,NULL,NULL);
INSERT INTO "previews" VALUES('docs-1','pull-request',303,1,'docs',1,'"Unread"',2,0,0,NULL,0,NULL,NULL,NULL,0,'00280f89e8a501612c51d8dfd8b93cdd',1795983897219,1795983897230,1795983897219,NULL,NULL);
INSERT INTO "previews" VALUES('docs-2','pull-request',303,2,'docs',1,'"Unread"',2,0,0,NULL,0,NULL,NULL,NULL,0,'e16a13afb00fe8923497c83f46732f46',1795983897245,1795983897254,1795983897245,NULL,NULL);
INSERT INTO "previews" VALUES('slow-up','local',NULL,NULL,'slow',1,'{"Serve":{"commit":"2d6beb7235fddb871276f3447fba03e1f965223b","branch":"trunk","base":"","author":"","title":"/srv/example/checkouts/slow"}}',0,0,0,NULL,0,NULL,NULL,NULL,0,'a3bfb352644d88bdff702ef98c7cdba2',1795983999658,1795983999658,1795983999658,NULL,NULL);
INSERT INTO "previews" VALUES('waiting-up','local',NULL,NULL,'waiting',1,'{"Serve":{"commit":"f55a4596e4f3a3dc4b9a341480236842f9e363c0","branch":"trunk","base":"","author":"","title":"/srv/example/checkouts/waiting"}}',0,0,0,NULL,0,NULL,NULL,NULL,0,'cca4e3297c1246b8f9b920747328571c',1795984000056,1795984000056,1795984000056,NULL,NULL);
CREATE TABLE repositories (
    id      INTEGER PRIMARY KEY,          -- the forge's own number
    name    TEXT NOT NULL,                -- owner/name as last heard
    slug    TEXT NOT NULL UNIQUE,         -- allotted once and kept
    seen_at INTEGER NOT NULL
) STRICT;
INSERT INTO "repositories" VALUES(101,'acme/shop','shop',1795983998179);
INSERT INTO "repositories" VALUES(202,'acme/journal','blog',1795983897340);
INSERT INTO "repositories" VALUES(303,'acme/docs','docs',1795983897254);
CREATE TABLE revisions (
    preview    TEXT NOT NULL REFERENCES previews (id),
    number     INTEGER NOT NULL,
    life       INTEGER NOT NULL,
    commit_sha TEXT NOT NULL,
    request    INTEGER NOT NULL,
    blueprint  TEXT,                      -- JSON
    images     TEXT NOT NULL DEFAULT '{}',
    migrated   TEXT NOT NULL DEFAULT '[]',
    attempts   TEXT NOT NULL DEFAULT '[]',
    healthy_at INTEGER,
    outcome    TEXT,                      -- JSON
    began_at   INTEGER NOT NULL,
    PRIMARY KEY (preview, number)
) STRICT, WITHOUT ROWID;
INSERT INTO "revisions" VALUES('back-up',1,1,'c6ee445c29f363ae973e0ed56a89aa407e7e0438',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:dd3b218f9877fc50e658a2fbbbf6701feec330e0157225cb8fbae4385559a3be"}','[]','[]',1795983831340,NULL,1795983830006);
INSERT INTO "revisions" VALUES('back-up',2,2,'f9c78e1bf3314088f12c486a43432ca9d7a4e681',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:435a093ee9d0466c57d5ca09b79de459e5625e0975f5397fc8bb2b67df749d92"}','[]','[]',1795983834255,NULL,1795983832492);
INSERT INTO "revisions" VALUES('blog-1',1,1,'d4088594408966dd4ec077e554e49360c1dcb525',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:c21cef4a37b706b77285060a1e0ea4ee123c40084bca51effb0161489fa1ba2f"}','[]','[]',1795983896898,NULL,1795983895134);
INSERT INTO "revisions" VALUES('broken-up',1,1,'79e5294dce8ff5948cd507e12870c81c65dfcb80',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{}','[]','[["Source",1]]',NULL,'{"Failed":{"code":"DF201","sentence":"Building web failed at [3/3] RUN [\"python3\", \"-c\", \"import sys; print(''no such thing''); sys.exit(3)\"]: executor failed running [python3 -c import sys; print(''no such thing''); sys.exit(3)]: exit code: 3no such thing","evidence":["> [internal] load remote build context","= [internal] load remote build context (0.0s)","> copy /context /","= copy /context / (0.2s)","> [internal] load metadata for registry.example/dayfly-test/base:1","= [internal] load metadata for registry.example/dayfly-test/base:1 (0.0s)","> [1/3] FROM registry.example/dayfly-test/base:1","= [1/3] FROM registry.example/dayfly-test/base:1 (0.0s)","> [2/3] COPY site /site","> [3/3] RUN [\"python3\", \"-c\", \"import sys; print(''no such thing''); sys.exit(3)\"]","= [2/3] COPY site /site (cached)","  no such thing","failed: executor failed running [python3 -c import sys; print(''no such thing''); sys.exit(3)]: exit code: 3no such thing"],"action":"The last lines of the build are below; the step that failed is named above."}}',1795983819175);
INSERT INTO "revisions" VALUES('crash-up',1,1,'239681870cfd38f29bc9ebd25f7d8698898f56cd',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:2a0334ede72d549bd7e3c7ace3f484d48c529787308d130fc7e4da163aafe36a"}','[]','[["Source",1],[{"Build":"web"},1],[{"Start":"web"},1]]',NULL,'{"Failed":{"code":"DF301","sentence":"web ended with 1 before it served","evidence":["I cannot start","I cannot start","I cannot start","I cannot start"],"action":"Its last lines are below; `dayfly logs` shows more."}}',1795983820542);
INSERT INTO "revisions" VALUES('gone-up',1,1,'23be95043d40b0100fc51f09ff9ceed569824036',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:3d2d7ded82d424d7d0732769247082006ee0a6e8dc584d10c54d354237964e2c"}','[]','[]',1795983829040,NULL,1795983827342);
INSERT INTO "revisions" VALUES('hasty-up',1,1,'cbabe082bb708bef089e209c374e06e8d5fa5322',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{}','[]','[["Source",1]]',NULL,'"Superseded"',1795983834409);
INSERT INTO "revisions" VALUES('hasty-up',2,1,'f138870fb62f7db1b3a39d78f297d09fd62b9c2c',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:6b03658b546abe3c588333dccf6633cf3322aa51964b18fd53bd5cce50d1df6b"}','[]','[]',1795983838230,NULL,1795983836764);
INSERT INTO "revisions" VALUES('invalid-up',1,1,'9819eb46b7bc2b969218658673715d6286b48e8d',0,NULL,'{}','[]','[]',NULL,'{"Failed":{"code":"DF101","sentence":"dayfly.toml:3: unknown key \"prot\" in [services.web]; did you mean \"port\"?","evidence":[],"action":"Mend it and push; `dayfly up` tries it without a push."}}',1795983838411);
INSERT INTO "revisions" VALUES('notes-up',1,1,'c6fb8dc2b122a67823e259aae0de87f041f72132',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":{"Path":"/healthz"},"command":null,"env":{"GREETING":"hello"},"memory_bytes":268435456,"cpu_milli":1000}],"databases":[{"name":"main","image":"postgres:15","seed":"seed.sql","migrate":{"run":["python3","/app/migrate.py"],"service":"web"},"url_variable":"DATABASE_URL"}],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: one CPU, since `cpus` is not given.","database main: its URL is in DATABASE_URL, since it is the only one."]}','{"web":"sha256:433afea6c257409f6c23f4cd1b58e6a84bcfc618176913134a3b0cd28dc807fc"}','["main"]','[]',1795983847159,'"Retired"',1795983838576);
INSERT INTO "revisions" VALUES('notes-up',2,1,'aac16e2912e1b4eb9e3885723b552451e2e685b0',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":{"Path":"/healthz"},"command":null,"env":{"GREETING":"hello"},"memory_bytes":268435456,"cpu_milli":1000}],"databases":[{"name":"main","image":"postgres:15","seed":"seed.sql","migrate":{"run":["python3","/app/migrate.py"],"service":"web"},"url_variable":"DATABASE_URL"}],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: one CPU, since `cpus` is not given.","database main: its URL is in DATABASE_URL, since it is the only one."]}','{"web":"sha256:a0613766ae9fe175a30c93636fddef467f36f069a2ba7f0c514cf91e718c2fba"}','["main"]','[]',1795983851178,NULL,1795983847397);
INSERT INTO "revisions" VALUES('notes-up',3,1,'53dd7779fc7c3c7d1059112e14413a63a6e9e1bb',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":{"Path":"/healthz"},"command":null,"env":{"GREETING":"hello"},"memory_bytes":268435456,"cpu_milli":1000}],"databases":[{"name":"main","image":"postgres:15","seed":"seed.sql","migrate":{"run":["python3","/app/migrate.py"],"service":"web"},"url_variable":"DATABASE_URL"}],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: one CPU, since `cpus` is not given.","database main: its URL is in DATABASE_URL, since it is the only one."]}','{"web":"sha256:a637aedaf1e2a6d4ba3f32861de479c8f216492d982fd090483c17c741d050a8"}','[]','[["Source",1],[{"Build":"web"},1]]',NULL,'{"Failed":{"code":"DF405","sentence":"The migration of main (`python3 /app/migrate.py`) ended with 1","evidence":["Traceback (most recent call last):","  File \"/app/migrate.py\", line 4, in <module>","    database.cursor().execute(''insert into no_such_table values (1)'')","psycopg2.errors.UndefinedTable: relation \"no_such_table\" does not exist","LINE 1: insert into no_such_table values (1)","                    ^",""],"action":"Its last lines are below; mend it and push."}}',1795983851337);
INSERT INTO "revisions" VALUES('page-up',1,1,'3c52f51cd85ee3e5d9efb41d19493dcf48e0c427',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:a053db50f8a14d90aa47523f69729b589ddba2919f712922b9e0c85bc39a496e"}','[]','[]',1795983817093,'"Retired"',1795983815789);
INSERT INTO "revisions" VALUES('page-up',2,1,'b5a1bb37355efe0bcef783330e1494b40128e0b9',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:7cb2089cd7c24db0cb75ff82815f5e7e8878734028a202e8bc540a5478993d7c"}','[]','[]',1795983818965,NULL,1795983817634);
INSERT INTO "revisions" VALUES('seed-up',1,1,'74226fec1d02730e151449d8bcda161c1cbee316',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":{"Path":"/healthz"},"command":null,"env":{"GREETING":"hello"},"memory_bytes":268435456,"cpu_milli":1000}],"databases":[{"name":"main","image":"postgres:15","seed":"seed.sql","migrate":null,"url_variable":"DATABASE_URL"}],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: one CPU, since `cpus` is not given.","database main: its URL is in DATABASE_URL, since it is the only one."]}','{"web":"sha256:d6681598711b7c046256125e0bb6d9734b0bd40b6ec55cb61ac1ff88501c3b36"}','[]','[["Source",1],[{"Build":"web"},1]]',NULL,'{"Failed":{"code":"DF402","sentence":"Database main: seed seed.sql failed at line 1: relation \"nowhere\" does not existLINE 1: insert into nowhere values (1);                    ^","evidence":[],"action":"Mend the seed and push; the database is made anew from it."}}',1795983854080);
INSERT INTO "revisions" VALUES('shop-1',1,1,'7061b6e1e9430b46de6f476372c5e728feaba954',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":{"Path":"/healthz"},"command":null,"env":{"GREETING":"hello"},"memory_bytes":268435456,"cpu_milli":1000}],"databases":[{"name":"main","image":"postgres:15","seed":"seed.sql","migrate":{"run":["python3","/app/migrate.py"],"service":"web"},"url_variable":"DATABASE_URL"}],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: one CPU, since `cpus` is not given.","database main: its URL is in DATABASE_URL, since it is the only one."]}','{"web":"sha256:dddc1fdcb3c37a495760869f54b61aaeb51abb00d53b76154360288eb09c0306"}','["main"]','[]',1795983868120,'"Retired"',1795983859671);
INSERT INTO "revisions" VALUES('shop-1',2,1,'b6f83e6127678e0b2cb340070faa94999fc2f935',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":{"Path":"/healthz"},"command":null,"env":{"GREETING":"hello"},"memory_bytes":268435456,"cpu_milli":1000}],"databases":[{"name":"main","image":"postgres:15","seed":"seed.sql","migrate":{"run":["python3","/app/migrate.py"],"service":"web"},"url_variable":"DATABASE_URL"}],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: one CPU, since `cpus` is not given.","database main: its URL is in DATABASE_URL, since it is the only one."]}','{"web":"sha256:9b55d7a24489eac8f50fab0424b232c89a73f84ab98785499ee2ed7e668ad16c"}','["main"]','[]',1795983871870,NULL,1795983868622);
INSERT INTO "revisions" VALUES('shop-2',1,1,'1b80d704dce29dcf9e5e5c55851b663df70ab58c',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:7ae6b0e5a45b965821bc9871ba150460f7a66faf7125cb814d1b705b7d46c6af"}','[]','[]',1795983878134,NULL,1795983876516);
INSERT INTO "revisions" VALUES('shop-3',1,1,'68aa7c2e48e800e596000292a3692c269408c596',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:82999a3de516e92c8a875a63aef85b227dba09e05825513c1309affbe9e4082a"}','[]','[]',1795983881263,NULL,1795983879762);
INSERT INTO "revisions" VALUES('shop-5',1,1,'0a8a5f25f549b6c7d4ebee0aef13a4988b55dd3f',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:2d58333fa4beff83f2bd696e990dc39102f30448ef94e9db7a67c76f9992d940"}','[]','[]',1795983884731,NULL,1795983883094);
INSERT INTO "revisions" VALUES('shop-6',1,1,'e8c982391dd91192c1b87e2b6d9375e75b310416',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:a65b0e21f02243b8331c55cce408ddf6dc844f70acf9015beda2ca1d1f8ce43d"}','[]','[]',1795983887708,NULL,1795983885929);
INSERT INTO "revisions" VALUES('shop-6',2,1,'a3abb782b5ae081325f02177a142a96c35ed64df',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{}','[]','[["Source",1]]',NULL,'{"Failed":{"code":"DF201","sentence":"Building web failed at [3/3] RUN [\"python3\", \"-c\", \"import sys; print(''no such thing''); sys.exit(3)\"]: executor failed running [python3 -c import sys; print(''no such thing''); sys.exit(3)]: exit code: 3no such thing","evidence":["> [internal] load remote build context","= [internal] load remote build context (0.1s)","> copy /context /","= copy /context / (0.2s)","> [internal] load metadata for registry.example/dayfly-test/base:1","= [internal] load metadata for registry.example/dayfly-test/base:1 (0.0s)","> [1/3] FROM registry.example/dayfly-test/base:1","= [1/3] FROM registry.example/dayfly-test/base:1 (0.0s)","> [2/3] COPY site /site","= [2/3] COPY site /site (cached)","> [3/3] RUN [\"python3\", \"-c\", \"import sys; print(''no such thing''); sys.exit(3)\"]","  no such thing","failed: executor failed running [python3 -c import sys; print(''no such thing''); sys.exit(3)]: exit code: 3no such thing"],"action":"The last lines of the build are below; the step that failed is named above."}}',1795983887928);
INSERT INTO "revisions" VALUES('shop-7',1,1,'e03a38e41412a2ca32f1f64d63ce0848443e935d',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:d06e409a745f615375e25131d481ba5b311a92a80717c867065d4e94a85fba39"}','[]','[]',1795983891785,NULL,1795983889922);
INSERT INTO "revisions" VALUES('shop-7',2,2,'e03a38e41412a2ca32f1f64d63ce0848443e935d',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:6793047b740edc7b6e2127e1b06c7060db8e2c58ae1ced7bb2b7cc2e6f1168e0"}','[]','[]',1795983894601,NULL,1795983893099);
INSERT INTO "revisions" VALUES('shop-8',1,1,'686e79be38a1dfd1cdda92d6f71f5a4a79144e5c',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:ba8dbe8a3112d40a7bdd040d44c70f70c5f81c04a81ae2e27cba981ca1994bdc"}','[]','[]',1795983873971,NULL,1795983872240);
INSERT INTO "revisions" VALUES('shop-9',1,1,'609c0572e56c0544db17d725e94ec8e047a41302',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:e0531f021f06c71fdf4a9f187774d63c7b330ff79b1f168ca4f351e7f006078f"}','[]','[]',1795983875908,NULL,1795983874505);
INSERT INTO "revisions" VALUES('slow-up',1,1,'2d6beb7235fddb871276f3447fba03e1f965223b',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{}','[]','[["Source",1],[{"Build":"web"},1]]',NULL,NULL,1795983999710);
INSERT INTO "revisions" VALUES('waiting-up',1,1,'f55a4596e4f3a3dc4b9a341480236842f9e363c0',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{}}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{}','[]','[["Source",1],[{"Build":"web"},1]]',NULL,NULL,1795984000094);
CREATE TABLE sessions (
    digest     TEXT PRIMARY KEY,          -- SHA-256 of the cookie's value
    preview    TEXT NOT NULL REFERENCES previews (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "sessions" VALUES('e3205941e40463da50a651f565da548726a51e76aa5ecc373b72f14623db11cc','page-up',1795983817143,1796588617143);
CREATE INDEX deliveries_by_time ON deliveries (received_at);
CREATE INDEX events_by_preview ON events (preview, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',275);
COMMIT;
PRAGMA user_version = 1;
