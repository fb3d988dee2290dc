PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
CREATE TABLE cache_records (
    id      TEXT PRIMARY KEY,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "cache_records" VALUES('00s078ddczl65ifu3i1l7idva',1795983622632);
INSERT INTO "cache_records" VALUES('418t40s3bhlytmnr44i44btlm',1795983644495);
INSERT INTO "cache_records" VALUES('4d6mj2d08hm44h3v609qzdzfa',1795983596204);
INSERT INTO "cache_records" VALUES('4ha7now7nag368ugk7ah1p8n3',1795983644495);
INSERT INTO "cache_records" VALUES('6sn1gevbfir0f5i6m3p6othqi',1795983600749);
INSERT INTO "cache_records" VALUES('89iuiyh1ck5ditsvz5mzib5my',1795983644495);
INSERT INTO "cache_records" VALUES('cbagfjvztggudko4zribu0tnz',1795983600076);
INSERT INTO "cache_records" VALUES('dld5rqy293p6u19w2wwkftl6r',1795983609290);
INSERT INTO "cache_records" VALUES('gxc4cf67bsd2tlk6mme8t0s21',1795983596204);
INSERT INTO "cache_records" VALUES('i6hdouylna7geshj9dl22vvl0',1795983632336);
INSERT INTO "cache_records" VALUES('imw8dmsjznfw9kqjkxnjo321w',1795983607294);
INSERT INTO "cache_records" VALUES('jy4u2qc59mme8xkogf3ywy566',1795983607294);
INSERT INTO "cache_records" VALUES('kwj9mgcsd932hd4nj7ww6gf2w',1795983661074);
INSERT INTO "cache_records" VALUES('n221g7zjimgv0sl8boec32lj6',1795983652162);
INSERT INTO "cache_records" VALUES('ofg4zuls63k7o5hx24mnchysb',1795983639682);
INSERT INTO "cache_records" VALUES('oq442vyh42xzobn7kg5qchw34',1795983639682);
INSERT INTO "cache_records" VALUES('owaj92m8xywsqjhjzhh0fgmjc',1795983632336);
INSERT INTO "cache_records" VALUES('p3xchd2soh4xa8kflp24v7q98',1795983622632);
INSERT INTO "cache_records" VALUES('pu6cwyei5j2mhisizsenwtk1i',1795983652162);
INSERT INTO "cache_records" VALUES('pvb3quyxnsgkqjijmqlqye6ak',1795983622632);
INSERT INTO "cache_records" VALUES('qbt386jic7r8i7ws5dubnnm9r',1795983652162);
INSERT INTO "cache_records" VALUES('rezza6o0y3m02kpuz6dpd03u3',1795983600076);
INSERT INTO "cache_records" VALUES('yiy01iu4xgu5a6dxfrdwhtx9w',1795983686308);
CREATE TABLE databases (
    preview  TEXT NOT NULL REFERENCES previews (id),
    name     TEXT NOT NULL,
    life     INTEGER NOT NULL,
    password TEXT NOT NULL,
    born_at  INTEGER,
    PRIMARY KEY (preview, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "databases" VALUES('notes-up','main',1,'47583818b8023db641049fea17e5d040',1795983624437);
INSERT INTO "databases" VALUES('seed-up','main',1,'738b1c21540b43766eb7eea79f998317',NULL);
INSERT INTO "databases" VALUES('shop-1','main',1,'a4e6d8737edc3b1a93b0bb23d653e07f',1795983655101);
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
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000001','ping',NULL,NULL,NULL,'ignored','a ping: the webhook is set up',1795983647850);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000002','star_gazing','created',NULL,NULL,'ignored','no preview depends on the event "star_gazing"',1795983647874);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000003','pull_request','assigned',NULL,NULL,'ignored','no preview depends on the action "assigned" of a pull request',1795983647880);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000004','pull_request','opened','acme/shop',1,'look',NULL,1795983648016);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000005','pull_request','synchronize','acme/shop',1,'look',NULL,1795983658027);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000006','pull_request','opened','acme/shop',8,'look',NULL,1795983663726);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000007','pull_request','edited','acme/shop',8,'look',NULL,1795983665601);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000008','pull_request','opened','acme/shop',9,'look',NULL,1795983666013);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000009','pull_request','edited','acme/shop',9,'look',NULL,1795983667576);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000010','pull_request','opened','acme/shop',2,'look',NULL,1795983667956);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000011','pull_request','closed','acme/shop',2,'look',NULL,1795983669526);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000012','pull_request','opened','acme/shop',3,'look',NULL,1795983670803);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000013','pull_request','closed','acme/shop',3,'look',NULL,1795983672371);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000014','pull_request','opened','acme/shop',4,'look',NULL,1795983673403);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000015','pull_request','opened','acme/shop',5,'look',NULL,1795983673830);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000016','pull_request','opened','acme/shop',6,'look',NULL,1795983676791);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000017','pull_request','synchronize','acme/shop',6,'look',NULL,1795983678451);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000018','pull_request','opened','acme/shop',7,'look',NULL,1795983680200);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000019','pull_request','closed','acme/shop',7,'look',NULL,1795983682078);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000020','pull_request','reopened','acme/shop',7,'look',NULL,1795983683334);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000021','pull_request','opened','acme/blog',1,'look',NULL,1795983685352);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000022','pull_request','opened','acme/blog',2,'look',NULL,1795983687374);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000023','pull_request','opened','acme/docs',1,'look',NULL,1795983687696);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000024','pull_request','synchronize','acme/docs',1,'look',NULL,1795983687714);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000025','pull_request','opened','acme/docs',2,'look',NULL,1795983687723);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000026','pull_request','closed','acme/docs',2,'look',NULL,1795983687735);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000027','repository','renamed','acme/journal',NULL,'look-all',NULL,1795983687758);
INSERT INTO "deliveries" VALUES('00000000-0000-4000-8000-000000000028','pull_request','edited','acme/shop',9,'look',NULL,1795983789651);
CREATE TABLE events (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    preview  TEXT NOT NULL,
    revision INTEGER,
    at       INTEGER NOT NULL,
    step     TEXT NOT NULL,
    took_ms  INTEGER NOT NULL,
    note     TEXT
) STRICT;
INSERT INTO "events" VALUES(1,'page-up',1,1795983595584,'begin',6,NULL);
INSERT INTO "events" VALUES(2,'page-up',1,1795983595611,'source',23,NULL);
INSERT INTO "events" VALUES(3,'page-up',NULL,1795983595763,'network',149,NULL);
INSERT INTO "events" VALUES(18,'broken-up',1,1795983598836,'begin',3,NULL);
INSERT INTO "events" VALUES(19,'broken-up',1,1795983598877,'source',37,NULL);
INSERT INTO "events" VALUES(21,'broken-up',NULL,1795983599121,'network',240,NULL);
INSERT INTO "events" VALUES(24,'crash-up',1,1795983600159,'begin',18,NULL);
INSERT INTO "events" VALUES(25,'crash-up',1,1795983600195,'source',32,NULL);
INSERT INTO "events" VALUES(27,'crash-up',NULL,1795983600458,'network',256,NULL);
INSERT INTO "events" VALUES(34,'gone-up',1,1795983606725,'begin',2,NULL);
INSERT INTO "events" VALUES(35,'gone-up',1,1795983606754,'source',25,NULL);
INSERT INTO "events" VALUES(37,'gone-up',NULL,1795983607008,'network',249,NULL);
INSERT INTO "events" VALUES(47,'back-up',1,1795983608729,'begin',3,NULL);
INSERT INTO "events" VALUES(48,'back-up',1,1795983608752,'source',21,NULL);
INSERT INTO "events" VALUES(49,'back-up',NULL,1795983608878,'network',123,NULL);
INSERT INTO "events" VALUES(66,'hasty-up',1,1795983612391,'begin',4,NULL);
INSERT INTO "events" VALUES(67,'hasty-up',1,1795983612416,'source',23,NULL);
INSERT INTO "events" VALUES(68,'hasty-up',NULL,1795983612600,'network',181,NULL);
INSERT INTO "events" VALUES(78,'invalid-up',1,1795983616363,'begin',2,NULL);
INSERT INTO "events" VALUES(79,'invalid-up',1,1795983616403,'source',37,'dayfly.toml:3: unknown key "prot" in [services.web]; did you mean "port"?');
INSERT INTO "events" VALUES(80,'notes-up',1,1795983616535,'begin',6,NULL);
INSERT INTO "events" VALUES(81,'notes-up',1,1795983616571,'source',33,NULL);
INSERT INTO "events" VALUES(82,'notes-up',NULL,1795983616778,'network',197,NULL);
INSERT INTO "events" VALUES(107,'seed-up',1,1795983641222,'begin',2,NULL);
INSERT INTO "events" VALUES(108,'seed-up',1,1795983641261,'source',36,NULL);
INSERT INTO "events" VALUES(110,'seed-up',NULL,1795983641501,'network',236,NULL);
INSERT INTO "events" VALUES(116,'shop-1',NULL,1795983648080,'read',25,NULL);
INSERT INTO "events" VALUES(117,'shop-1',1,1795983648083,'begin',1,NULL);
INSERT INTO "events" VALUES(119,'shop-1',1,1795983648303,'source',218,NULL);
INSERT INTO "events" VALUES(141,'shop-8',NULL,1795983663793,'read',7,NULL);
INSERT INTO "events" VALUES(142,'shop-8',1,1795983663796,'begin',0,NULL);
INSERT INTO "events" VALUES(143,'shop-8',1,1795983663960,'source',161,NULL);
INSERT INTO "events" VALUES(152,'shop-9',NULL,1795983666078,'read',6,NULL);
INSERT INTO "events" VALUES(153,'shop-9',1,1795983666082,'begin',1,NULL);
INSERT INTO "events" VALUES(154,'shop-9',1,1795983666260,'source',175,NULL);
INSERT INTO "events" VALUES(162,'shop-2',NULL,1795983668015,'read',5,NULL);
INSERT INTO "events" VALUES(163,'shop-2',1,1795983668018,'begin',1,NULL);
INSERT INTO "events" VALUES(164,'shop-2',1,1795983668188,'source',167,NULL);
INSERT INTO "events" VALUES(178,'shop-3',NULL,1795983670867,'read',12,NULL);
INSERT INTO "events" VALUES(179,'shop-3',1,1795983670873,'begin',4,NULL);
INSERT INTO "events" VALUES(180,'shop-3',1,1795983671018,'source',141,NULL);
INSERT INTO "events" VALUES(194,'shop-4',NULL,1795983673441,'read',6,NULL);
INSERT INTO "events" VALUES(195,'shop-5',NULL,1795983673877,'read',4,NULL);
INSERT INTO "events" VALUES(196,'shop-5',1,1795983673884,'begin',2,NULL);
INSERT INTO "events" VALUES(197,'shop-5',1,1795983674091,'source',202,NULL);
INSERT INTO "events" VALUES(210,'shop-6',NULL,1795983676845,'read',19,NULL);
INSERT INTO "events" VALUES(211,'shop-6',1,1795983676848,'begin',1,NULL);
INSERT INTO "events" VALUES(212,'shop-6',1,1795983677032,'source',181,NULL);
INSERT INTO "events" VALUES(225,'shop-7',NULL,1795983680274,'read',17,NULL);
INSERT INTO "events" VALUES(226,'shop-7',1,1795983680277,'begin',1,NULL);
INSERT INTO "events" VALUES(227,'shop-7',1,1795983680471,'source',191,NULL);
INSERT INTO "events" VALUES(250,'blog-1',NULL,1795983685393,'read',12,NULL);
INSERT INTO "events" VALUES(251,'blog-1',1,1795983685400,'begin',5,NULL);
INSERT INTO "events" VALUES(252,'blog-1',1,1795983685578,'source',175,NULL);
INSERT INTO "events" VALUES(259,'blog-2',NULL,1795983687605,'read',6,NULL);
INSERT INTO "events" VALUES(260,'blog-2',1,1795983687614,'begin',6,NULL);
INSERT INTO "events" VALUES(262,'blog-2',1,1795983687902,'source',261,NULL);
INSERT INTO "events" VALUES(272,'slow-up',1,1795983794024,'begin',3,NULL);
INSERT INTO "events" VALUES(273,'slow-up',1,1795983794056,'source',31,NULL);
INSERT INTO "events" VALUES(274,'slow-up',NULL,1795983794205,'network',146,NULL);
INSERT INTO "events" VALUES(275,'waiting-up',1,1795983794452,'begin',2,NULL);
INSERT INTO "events" VALUES(276,'waiting-up',1,1795983794496,'source',31,NULL);
INSERT INTO "events" VALUES(277,'waiting-up',NULL,1795983794681,'network',182,NULL);
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
INSERT INTO "meta" VALUES('instance','0a5a865f');
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
INSERT INTO "previews" VALUES('page-up','local',NULL,NULL,'page',1,'{"Serve":{"commit":"b5a1bb37355efe0bcef783330e1494b40128e0b9","branch":"trunk","base":"","author":"","title":"/srv/example/checkouts/page"}}',0,0,0,NULL,0,NULL,NULL,NULL,0,'2ad518affd8e87a51ac931d2162be900',1795983595546,1795983597286,1795983597286,1795983598630,NULL);
INSERT INTO "previews" VALUES('broken-up','local',NULL,NULL,'broken',1,'{"Serve":{"commit":"79e5294dce8ff5948cd507e12870c81c65dfcb80","branch":"trunk","base":"","author":"","title":"/srv/example/checkouts/broken"}}',0,0,0,NULL,0,NULL,NULL,NULL,0,'0853e239c8e1cd3c81106d5ed591cee7',1795983598741,1795983598741,1795983598741,NULL,NULL);
INSERT INTO "previews" VALUES('crash-up','local',NULL,NULL,'crash',1,'{"Serve":{"commit":"239681870cfd38f29bc9ebd25f7d8698898f56cd","branch":"trunk","base":"","author":"","title":"/srv/example/checkouts/crash"}}',0,0,0,NULL,0,NULL,NULL,NULL,0,'eb4efffa3089b509ed2afe3c8a648a8a',1795983600091,1795983600091,1795983600091,NULL,NULL);
INSERT INTO "previews" VALUES('gone-up','local',NULL,NULL,'gone',2,'{"Nothing":"removed"}',0,0,0,NULL,0,NULL,NULL,NULL,0,'b6c679c70b64f4bd62098a1d89a47eaa',1795983606652,1795983608600,1795983606652,NULL,1795983608600);
INSERT INTO "previews" VALUES('back-up','local',NULL,NULL,'back',2,'{"Nothing":"removed"}',0,0,0,NULL,1,NULL,NULL,NULL,0,'e3074230263949af7e1a7dab62c953a5',1795983608682,1795983794747,1795983610878,NULL,NULL);
INSERT INTO "previews" VALUES('hasty-up','local',NULL,NULL,'hasty',1,'{"Serve":{"commit":"f138870fb62f7db1b3a39d78f297d09fd62b9c2c","branch":"trunk","base":"","author":"","title":"/srv/example/checkouts/hasty"}}',0,0,0,NULL,0,NULL,NULL,NULL,0,'0c80c176e1b799367d46b59bba80a426',1795983612346,1795983614720,1795983614720,NULL,NULL);
INSERT INTO "previews" VALUES('invalid-up','local',NULL,NULL,'invalid',1,'{"Serve":{"commit":"9819eb46b7bc2b969218658673715d6286b48e8d","branch":"trunk","base":"","author":"","title":"/srv/example/checkouts/invalid"}}',0,0,0,NULL,0,NULL,NULL,NULL,0,'28909f92a46b0124098f8ac7ff6536ff',1795983616315,1795983616315,1795983616315,NULL,NULL);
INSERT INTO "previews" VALUES('notes-up','local',NULL,NULL,'notes',1,'{"Serve":{"commit":"53dd7779fc7c3c7d1059112e14413a63a6e9e1bb","branch":"trunk","base":"","author":"","title":"/srv/example/checkouts/notes"}}',0,0,0,NULL,0,NULL,NULL,NULL,0,'57d97b9362df8efff023bb64a6748252',1795983616491,1795983635140,1795983635140,NULL,NULL);
INSERT INTO "previews" VALUES('seed-up','local',NULL,NULL,'seed',1,'{"Serve":{"commit":"74226fec1d02730e151449d8bcda161c1cbee316","branch":"trunk","base":"","author":"","title":"/srv/example/checkouts/seed"}}',0,0,0,NULL,0,NULL,NULL,NULL,0,'9f4d6a1d7d07043714db5b2073af924e',1795983641159,1795983641159,1795983641159,NULL,NULL);
INSERT INTO "previews" VALUES('shop-1','pull-request',101,1,'shop',1,'{"Serve":{"commit":"338f1b3517a8b7361a2f728ab4c6f1257cffc592","branch":"notes","base":"main","author":"ada","title":"Notes, 1st"}}',2,2,0,2,0,NULL,NULL,'live 338f1b3517a8b7361a2f728ab4c6f1257cffc592 2 338f1b3517a8b7361a2f728ab4c6f1257cffc592 - None -',1,'09a23b0988a5a22356217ff74918688e',1795983648016,1795983662986,1795983658088,1795983663595,NULL);
INSERT INTO "previews" VALUES('shop-8','pull-request',101,8,'shop',1,'{"Serve":{"commit":"e52aa6664e92fca0febce7a7f8efc7264208ab24","branch":"lost-8","base":"main","author":"ada","title":"Lost"}}',2,2,0,1,0,NULL,1795983665676,'live e52aa6664e92fca0febce7a7f8efc7264208ab24 1 e52aa6664e92fca0febce7a7f8efc7264208ab24 - None -',1,'13d0f7397ac6fecdcb182a780b36c1e2',1795983663726,1795983665676,1795983663775,NULL,NULL);
INSERT INTO "previews" VALUES('shop-9','pull-request',101,9,'shop',2,'{"Nothing":"missing"}',3,3,0,1,0,NULL,1795983667649,'gone - 0 - - Some(Missing) -',0,'974274d3816a553e55f4f04fd4bd85f1',1795983666013,1795983790707,1795983666061,NULL,1795983790707);
INSERT INTO "previews" VALUES('shop-2','pull-request',101,2,'shop',2,'{"Nothing":"closed"}',2,2,0,1,0,NULL,NULL,'gone - 0 - - Some(Closed) -',0,'6585022005116b761de166a25799ed3d',1795983667956,1795983670468,1795983668000,NULL,1795983670468);
INSERT INTO "previews" VALUES('shop-3','pull-request',101,3,'shop',2,'{"Nothing":"merged"}',2,2,0,1,0,NULL,NULL,'gone - 0 - - Some(Merged) -',0,'6cca903d01242b491b8c380653702d53',1795983670803,1795983673224,1795983670852,NULL,1795983673224);
INSERT INTO "previews" VALUES('shop-4','pull-request',101,4,'shop',1,'{"Nothing":"fork"}',1,1,0,NULL,0,NULL,NULL,'gone - 0 - - Some(Fork) -',0,'bbf77b216a2935f583c9ef8a17c0dd58',1795983673403,1795983673431,1795983673403,NULL,NULL);
INSERT INTO "previews" VALUES('shop-5','pull-request',101,5,'shop',2,'{"Nothing":"removed"}',1,1,0,1,0,'{"ending":"removed","commit":null}',NULL,'gone - 0 - - Some(Removed) -',0,'e008c6535279f0dea92f6c779f63eed1',1795983673830,1795983676634,1795983673866,NULL,1795983676634);
INSERT INTO "previews" VALUES('shop-6','pull-request',101,6,'shop',1,'{"Serve":{"commit":"349b38346d60c122dfe210f60c714da31ed83ee6","branch":"failing","base":"main","author":"ada","title":"Good at first; then \"bad\""}}',2,2,0,1,0,NULL,NULL,'failed 349b38346d60c122dfe210f60c714da31ed83ee6 2 763fcd2c224f120f7c8100c143e586093d3c36a5 DF201 None -',1,'16d303be222f197c8e54e53aeccc3b9c',1795983676791,1795983678490,1795983678490,NULL,NULL);
INSERT INTO "previews" VALUES('shop-7','pull-request',101,7,'shop',2,'{"Serve":{"commit":"b90c2a4528f3f503ce6ad123e27552e0f1a43456","branch":"again","base":"main","author":"ada","title":"Once more"}}',3,3,0,2,0,NULL,NULL,'live b90c2a4528f3f503ce6ad123e27552e0f1a43456 2 b90c2a4528f3f503ce6ad123e27552e0f1a43456 - None -',1,'5ff416928d4492237bb376ffda909d24',1795983680200,1795983684899,1795983683380,NULL,NULL);
INSERT INTO "previews" VALUES('blog-1','pull-request',202,1,'blog',1,'{"Serve":{"commit":"f6171062085b96ff74d24f0177f49edcde59d838","branch":"post","base":"main","author":"grace","title":"Ein Beitrag — mit Umlaut: ä"}}',2,2,0,1,0,NULL,NULL,'live f6171062085b96ff74d24f0177f49edcde59d838 1 f6171062085b96ff74d24f0177f49edcde59d838 - None -',1,'5f3633861b95e074ad4f148552618073',1795983685352,1795983687869,1795983685391,NULL,NULL);
INSERT INTO "previews" VALUES('blog-2','pull-request',202,2,'blog',1,'{"Serve":{"commit":"f2a320db76c829529ed1f11b643c9d49dcc23740","branch":"prebuilt","base":"main","author":"ada","title":"An image of CI"}}',2,2,0,NULL,0,NULL,NULL,'building f2a320db76c829529ed1f11b643c9d49dcc23740 1 - - None build: ...:/acme/blog:pr--fad is not there yet; waited  s of  s',1,'65bf285581473045005386f92516f060',1795983687374,1795983687953,1795983687552,NULL,NULL);
INSERT INTO "previews" VALUES('docs-1','pull-request',303,1,'docs',1,'"Unread"',2,0,0,NULL,0,NULL,NULL,NULL,0,'6a34fa9471ea7bae063625555c8ad67e',1795983687696,1795983687714,1795983687696,NULL,NULL);
INSERT INTO "previews" VALUES('docs-2','pull-request',303,2,'docs',1,'"Unread"',2,0,0,NULL,0,NULL,NULL,NULL,0,'6346364d5e96480db97bcc7453a2b573',1795983687723,1795983687735,1795983687723,NULL,NULL);
INSERT INTO "previews" VALUES('slow-up','local',NULL,NULL,'slow',1,'{"Serve":{"commit":"2d6beb7235fddb871276f3447fba03e1f965223b","branch":"trunk","base":"","author":"","title":"/srv/example/checkouts/slow"}}',0,0,0,NULL,0,NULL,NULL,NULL,0,'379fc81bf8ef10abb55078d654ff5bb4',1795983793970,1795983793970,1795983793970,NULL,NULL);
INSERT INTO "previews" VALUES('waiting-up','local',NULL,NULL,'waiting',1,'{"Serve":{"commit":"f55a4596e4f3a3dc4b9a341480236842f9e363c0","branch":"trunk","base":"","author":"","title":"/srv/example/checkouts/waiting"}}',0,0,0,NULL,0,NULL,NULL,NULL,0,'7a98b14e627e54ae68c8ec36d254f996',1795983794403,1795983794403,1795983794403,NULL,NULL);
CREATE TABLE repositories (
    id      INTEGER PRIMARY KEY,          -- the forge's own number
    name    TEXT NOT NULL,                -- owner/name as last heard
    slug    TEXT NOT NULL UNIQUE,         -- allotted once and kept
    seen_at INTEGER NOT NULL
) STRICT;
INSERT INTO "repositories" VALUES(101,'acme/shop','shop',1795983789651);
INSERT INTO "repositories" VALUES(202,'acme/journal','blog',1795983687953);
INSERT INTO "repositories" VALUES(303,'acme/docs','docs',1795983687735);
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
    began_at   INTEGER NOT NULL, fingerprints TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (preview, number)
) STRICT, WITHOUT ROWID;
INSERT INTO "revisions" VALUES('back-up',1,1,'c6ee445c29f363ae973e0ed56a89aa407e7e0438',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:295faf54c35e3b2176f12a7a30a2c99eb627a283252ef4812e6b637302c23264"}','[]','[]',1795983609947,NULL,1795983608717,'{"web":"669da09afb17e9241a9a9c8c9fdc38bf5e88faa98093e6901ee30432b7c062ae"}');
INSERT INTO "revisions" VALUES('back-up',2,2,'f9c78e1bf3314088f12c486a43432ca9d7a4e681',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:69ae83bdf47d7c61f610c7e46cd1b859a019f1895e5e42da24bcd306dc66aa27"}','[]','[]',1795983612242,NULL,1795983610905,'{"web":"e1a7faab38b042146b0f374e92b8c9882332a5e148515e9d4db9d36f09e79b1f"}');
INSERT INTO "revisions" VALUES('blog-1',1,1,'f6171062085b96ff74d24f0177f49edcde59d838',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:8700346a1de3693dd6d4ebf31203db178bb61ed8b230d88745ce87f714f9f6a0"}','[]','[]',1795983687064,NULL,1795983685395,'{"web":"894e8b95daa244f116e9ee85a2fd0dab8674b4c7c6d1c4e72c0c18e7b9438f49"}');
INSERT INTO "revisions" VALUES('blog-2',1,1,'f2a320db76c829529ed1f11b643c9d49dcc23740',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Reference":"127.0.0.1:9/acme/blog:pr-{number}-{short_sha}"},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{}','[]','[["Source",1]]',NULL,NULL,1795983687607,'{}');
INSERT INTO "revisions" VALUES('broken-up',1,1,'79e5294dce8ff5948cd507e12870c81c65dfcb80',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{}','[]','[["Source",1]]',NULL,'{"Failed":{"code":"DF201","sentence":"Building web failed at [3/3] RUN [\"python3\", \"-c\", \"import sys; print(''no such thing''); sys.exit(3)\"] (line 4 of the Dockerfile): the command ended with 3","evidence":["> [internal] load build definition from Dockerfile","> [internal] load .dockerignore","= [internal] load build definition from Dockerfile (0.0s)","= [internal] load .dockerignore (0.0s)","> [internal] load metadata for registry.example/dayfly-test/base:1","= [internal] load metadata for registry.example/dayfly-test/base:1 (0.0s)","> [1/3] FROM registry.example/dayfly-test/base:1","= [1/3] FROM registry.example/dayfly-test/base:1 (0.0s)","> [internal] load build context","= [internal] load build context (0.1s)","> [2/3] COPY site /site","> [3/3] RUN [\"python3\", \"-c\", \"import sys; print(''no such thing''); sys.exit(3)\"]","= [2/3] COPY site /site (cached)","  no such thing","failed: executor failed running [python3 -c import sys; print(''no such thing''); sys.exit(3)]: exit code: 3"],"action":"Mend it and push, or run `dayfly up` again. `dayfly logs ID --build` shows all that it printed."}}',1795983598810,'{}');
INSERT INTO "revisions" VALUES('crash-up',1,1,'239681870cfd38f29bc9ebd25f7d8698898f56cd',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:ed73b50e6dd28f714ff2506cf464086926a91df462857f5ed97eda55a7be23a8"}','[]','[["Source",1],[{"Build":"web"},1],[{"Start":"web"},1]]',NULL,'{"Failed":{"code":"DF301","sentence":"web ended with 1 before it served","evidence":["I cannot start","I cannot start","I cannot start","I cannot start"],"action":"Its last lines are below; `dayfly logs` shows more."}}',1795983600140,'{"web":"ceb18577837d094a244c51e2a4c1f2191233d37d1c765f786a6718d23ad08bf6"}');
INSERT INTO "revisions" VALUES('gone-up',1,1,'23be95043d40b0100fc51f09ff9ceed569824036',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:c1ce964a21fe0f68a8446905adb19c6c51fe88338f64a95018b4b549e4e1c544"}','[]','[]',1795983607819,NULL,1795983606714,'{"web":"a8a9fee58b8a63156773f452f91802982733fa0fc524912228ba60c13a643790"}');
INSERT INTO "revisions" VALUES('hasty-up',1,1,'cbabe082bb708bef089e209c374e06e8d5fa5322',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{}','[]','[["Source",1]]',NULL,'"Superseded"',1795983612381,'{}');
INSERT INTO "revisions" VALUES('hasty-up',2,1,'f138870fb62f7db1b3a39d78f297d09fd62b9c2c',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:f685983bf1185c68fa3d3d79ff87eb92f62ae7f8d07ef29ff99e92b94eb6f5ee"}','[]','[]',1795983616209,NULL,1795983614755,'{"web":"ef974440a4117145e7f276bc590d183f2080f5f8a83d50c88e873132e47b4da3"}');
INSERT INTO "revisions" VALUES('invalid-up',1,1,'9819eb46b7bc2b969218658673715d6286b48e8d',0,NULL,'{}','[]','[]',NULL,'{"Failed":{"code":"DF101","sentence":"dayfly.toml:3: unknown key \"prot\" in [services.web]; did you mean \"port\"?","evidence":[],"action":"Mend it and push; `dayfly up` tries it without a push."}}',1795983616347,'{}');
INSERT INTO "revisions" VALUES('notes-up',1,1,'c6fb8dc2b122a67823e259aae0de87f041f72132',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":{"Path":"/healthz"},"command":null,"env":{"GREETING":"hello"},"memory_bytes":268435456,"cpu_milli":1000}],"databases":[{"name":"main","image":"postgres:15","seed":"seed.sql","migrate":{"run":["python3","/app/migrate.py"],"service":"web"},"url_variable":"DATABASE_URL"}],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: one CPU, since `cpus` is not given.","database main: its URL is in DATABASE_URL, since it is the only one."]}','{"web":"sha256:503a4d2428011e426064bb7e879c4102b57db8e2884da706b60cad4e7c44e872"}','["main"]','[]',1795983627219,'"Retired"',1795983616518,'{"web":"480e7a1f5166754bce2262b66265a075c53eec9d88c3ff1e53943b054cb8b987"}');
INSERT INTO "revisions" VALUES('notes-up',2,1,'aac16e2912e1b4eb9e3885723b552451e2e685b0',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":{"Path":"/healthz"},"command":null,"env":{"GREETING":"hello"},"memory_bytes":268435456,"cpu_milli":1000}],"databases":[{"name":"main","image":"postgres:15","seed":"seed.sql","migrate":{"run":["python3","/app/migrate.py"],"service":"web"},"url_variable":"DATABASE_URL"}],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: one CPU, since `cpus` is not given.","database main: its URL is in DATABASE_URL, since it is the only one."]}','{"web":"sha256:29e59162e32610003f8133aa682192a5808f9456011a147ce1770ffafe69b8ca"}','["main"]','[]',1795983634973,NULL,1795983627486,'{"web":"852366aab6d8dd384377982f3776331290839cea8f4d753f067191e333410676"}');
INSERT INTO "revisions" VALUES('notes-up',3,1,'53dd7779fc7c3c7d1059112e14413a63a6e9e1bb',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":{"Path":"/healthz"},"command":null,"env":{"GREETING":"hello"},"memory_bytes":268435456,"cpu_milli":1000}],"databases":[{"name":"main","image":"postgres:15","seed":"seed.sql","migrate":{"run":["python3","/app/migrate.py"],"service":"web"},"url_variable":"DATABASE_URL"}],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: one CPU, since `cpus` is not given.","database main: its URL is in DATABASE_URL, since it is the only one."]}','{"web":"sha256:cc14c2f7dd9af88de5da7b6e99bd2ca48664bd01a62ad82f0bda4dee83e8134f"}','[]','[["Source",1],[{"Build":"web"},1]]',NULL,'{"Failed":{"code":"DF405","sentence":"The migration of main (`python3 /app/migrate.py`) ended with 1","evidence":["Traceback (most recent call last):","  File \"/app/migrate.py\", line 4, in <module>","    database.cursor().execute(''insert into no_such_table values (1)'')","psycopg2.errors.UndefinedTable: relation \"no_such_table\" does not exist","LINE 1: insert into no_such_table values (1)","                    ^",""],"action":"Its last lines are below; mend it and push."}}',1795983635200,'{"web":"e0c56ee0aac3b2869fe28c0451ec34fe781edcc7cbc29c59564d8047caf16688"}');
INSERT INTO "revisions" VALUES('page-up',1,1,'3c52f51cd85ee3e5d9efb41d19493dcf48e0c427',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:f069f736f8fcc890538d8e057cac42dc499261d05751c30744e6df58551d2b12"}','[]','[]',1795983596771,'"Retired"',1795983595574,'{"web":"f703cb7b1add3a1dd176cfccab7b0920f40a38ca373566ef1da16e138f4dbbca"}');
INSERT INTO "revisions" VALUES('page-up',2,1,'b5a1bb37355efe0bcef783330e1494b40128e0b9',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:a80c30e6db682ca63843c0b576d76fb2cb65108b7bf3cc5ae14086b735489682"}','[]','[]',1795983598572,NULL,1795983597336,'{"web":"3650e541de68b3a2bbb4cadbdd426ee8e57aefc6465bbee619567e71fe05e625"}');
INSERT INTO "revisions" VALUES('seed-up',1,1,'74226fec1d02730e151449d8bcda161c1cbee316',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":{"Path":"/healthz"},"command":null,"env":{"GREETING":"hello"},"memory_bytes":268435456,"cpu_milli":1000}],"databases":[{"name":"main","image":"postgres:15","seed":"seed.sql","migrate":null,"url_variable":"DATABASE_URL"}],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: one CPU, since `cpus` is not given.","database main: its URL is in DATABASE_URL, since it is the only one."]}','{"web":"sha256:f229e6a550efe5a56688435f4ef495fb0d972a56c3a663b70ac90c460cdf66ed"}','[]','[["Source",1],[{"Build":"web"},1]]',NULL,'{"Failed":{"code":"DF402","sentence":"Database main: seed seed.sql failed at line 1: relation \"nowhere\" does not existLINE 1: insert into nowhere values (1);                    ^","evidence":[],"action":"Mend the seed and push; the database is made anew from it."}}',1795983641205,'{"web":"1267ffe426015d00216398eac7cb4f9464256099b6ad5d69b4361cb04c71e901"}');
INSERT INTO "revisions" VALUES('shop-1',1,1,'b28fd759d7881ca3a29e74748491c555ee5c3c37',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":{"Path":"/healthz"},"command":null,"env":{"GREETING":"hello"},"memory_bytes":268435456,"cpu_milli":1000}],"databases":[{"name":"main","image":"postgres:15","seed":"seed.sql","migrate":{"run":["python3","/app/migrate.py"],"service":"web"},"url_variable":"DATABASE_URL"}],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: one CPU, since `cpus` is not given.","database main: its URL is in DATABASE_URL, since it is the only one."]}','{"web":"sha256:e0501987f73cdfbfdbf99ecfe79476f42bf1e850734e120f9798671e29e0d632"}','["main"]','[]',1795983657486,'"Retired"',1795983648081,'{"web":"993ac818c135355d667b9d328151cd42b28d78ddab33a09966431cd7f6d96f42"}');
INSERT INTO "revisions" VALUES('shop-1',2,1,'338f1b3517a8b7361a2f728ab4c6f1257cffc592',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":{"Path":"/healthz"},"command":null,"env":{"GREETING":"hello"},"memory_bytes":268435456,"cpu_milli":1000}],"databases":[{"name":"main","image":"postgres:15","seed":"seed.sql","migrate":{"run":["python3","/app/migrate.py"],"service":"web"},"url_variable":"DATABASE_URL"}],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: one CPU, since `cpus` is not given.","database main: its URL is in DATABASE_URL, since it is the only one."]}','{"web":"sha256:3018f87512cadbd9e16f6554ba4c1d9c7944d77a185227e0681787187bdf1567"}','["main"]','[]',1795983663337,NULL,1795983658097,'{"web":"f647154d979ff70cf722f3d156047c1d97d6b2feaf391be18b53526f4607f98c"}');
INSERT INTO "revisions" VALUES('shop-2',1,1,'1d60e2a32e6a533434ba9667233496a4c5e08f47',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:168dd2b4bcb327a484e33b0e88e312eb322b2b93b60658aff8b308b7e8ef248b"}','[]','[]',1795983669300,NULL,1795983668017,'{"web":"ea2be3418091fb7f8a928b2d936759789b8dfcf6bc3a25ec32a0ff8a11d50fee"}');
INSERT INTO "revisions" VALUES('shop-3',1,1,'a521859532caf53b197800b4155cf48d2ed354ba',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:e17e0df803e21cba190040f411fb74583182a72c9bbd9cecb30019393b5f3498"}','[]','[]',1795983672201,NULL,1795983670868,'{"web":"ea2be3418091fb7f8a928b2d936759789b8dfcf6bc3a25ec32a0ff8a11d50fee"}');
INSERT INTO "revisions" VALUES('shop-5',1,1,'48ad101609cfc1f862e1c03ffa10e700ec1af9d5',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:dcb51bc9e7060bb3858deba6aca746fd2422502012b594b381d39c576ee8cf5a"}','[]','[]',1795983675463,NULL,1795983673881,'{"web":"0e83ead88bc94cf4b93bb852f5020b2ac7a7d3addfa80e6cc908a6c121550533"}');
INSERT INTO "revisions" VALUES('shop-6',1,1,'763fcd2c224f120f7c8100c143e586093d3c36a5',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:c81e23de84db9853e234e87b5134d41c16d50e50db06a4b79d644b71c4d7df0e"}','[]','[]',1795983678277,NULL,1795983676846,'{"web":"384cbd74ae5942fbbdc1f86b76df5332d6aa63eaec3da75e8d57498992a13298"}');
INSERT INTO "revisions" VALUES('shop-6',2,1,'349b38346d60c122dfe210f60c714da31ed83ee6',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{}','[]','[["Source",1]]',NULL,'{"Failed":{"code":"DF201","sentence":"Building web failed at [3/3] RUN [\"python3\", \"-c\", \"import sys; print(''no such thing''); sys.exit(3)\"] (line 4 of the Dockerfile): the command ended with 3","evidence":["> [internal] load build definition from Dockerfile","> [internal] load .dockerignore","= [internal] load build definition from Dockerfile (0.1s)","= [internal] load .dockerignore (0.0s)","> [internal] load metadata for registry.example/dayfly-test/base:1","= [internal] load metadata for registry.example/dayfly-test/base:1 (0.0s)","> [1/3] FROM registry.example/dayfly-test/base:1","> [internal] load build context","= [1/3] FROM registry.example/dayfly-test/base:1 (0.0s)","= [internal] load build context (0.1s)","> [2/3] COPY site /site","> [3/3] RUN [\"python3\", \"-c\", \"import sys; print(''no such thing''); sys.exit(3)\"]","= [2/3] COPY site /site (cached)","  no such thing","failed: executor failed running [python3 -c import sys; print(''no such thing''); sys.exit(3)]: exit code: 3"],"action":"Mend it and push, or run `dayfly up` again. `dayfly logs ID --build` shows all that it printed."}}',1795983678493,'{}');
INSERT INTO "revisions" VALUES('shop-7',1,1,'b90c2a4528f3f503ce6ad123e27552e0f1a43456',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:ecfabbab4cd8029026b89c61344659a4c6371a3ab005ab77dfde9c6cc586871d"}','[]','[]',1795983681873,NULL,1795983680276,'{"web":"c1b843be30ca8b7fe65fef2e700b6cd0f6e096b25dc6bcfe89351167dbbdd91e"}');
INSERT INTO "revisions" VALUES('shop-7',2,2,'b90c2a4528f3f503ce6ad123e27552e0f1a43456',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:e0096859b7da468efe9bc1f31b7deeef59fd3407dbc9d0308627445783458bc2"}','[]','[]',1795983684959,NULL,1795983683469,'{"web":"c1b843be30ca8b7fe65fef2e700b6cd0f6e096b25dc6bcfe89351167dbbdd91e"}');
INSERT INTO "revisions" VALUES('shop-8',1,1,'e52aa6664e92fca0febce7a7f8efc7264208ab24',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:1a4f9b9b8e8fc0264e72c0019674418d793cbec1b12aa8caf8c745cb2b80420e"}','[]','[]',1795983665452,NULL,1795983663795,'{"web":"25eb7ddffdea0e9e76d7980a82e663993093dbf6323e69252cdf6d4caba10fa2"}');
INSERT INTO "revisions" VALUES('shop-9',1,1,'50fa83b01e35a4c0e6c480b9af41362a909ba408',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{"web":"sha256:56856b095c5a91d8a886403b358c0899219602821044d4b062eb37f994a50f1e"}','[]','[]',1795983667485,NULL,1795983666080,'{"web":"25eb7ddffdea0e9e76d7980a82e663993093dbf6323e69252cdf6d4caba10fa2"}');
INSERT INTO "revisions" VALUES('slow-up',1,1,'2d6beb7235fddb871276f3447fba03e1f965223b',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{}','[]','[["Source",1],[{"Build":"web"},1]]',NULL,NULL,1795983794014,'{}');
INSERT INTO "revisions" VALUES('waiting-up',1,1,'f55a4596e4f3a3dc4b9a341480236842f9e363c0',0,'{"origin":"dayfly.toml","services":[{"name":"web","image":{"Build":{"context":"","dockerfile":"Dockerfile","target":null,"args":{},"secrets":[]}},"public":true,"main":true,"port":8080,"health":"Default","command":null,"env":{},"memory_bytes":536870912,"cpu_milli":1000}],"databases":[],"notes":["service web: it has a URL, since `public` is not given.","service web: port 8080, which its Dockerfile exposes.","service web: ready when `GET /` answers anything below 500, since `health` is not given.","service web: 512 MiB of memory, since `memory` is not given.","service web: one CPU, since `cpus` is not given."]}','{}','[]','[["Source",1],[{"Build":"web"},1]]',NULL,NULL,1795983794431,'{}');
CREATE TABLE sessions (
    digest     TEXT PRIMARY KEY,          -- SHA-256 of the cookie's value
    preview    TEXT NOT NULL REFERENCES previews (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "sessions" VALUES('2cb4790f8014c2e698094f4f097f6b8a674130e1169b4d1c8efdd409c4fb05ef','page-up',1795983596829,1796588396829);
CREATE INDEX deliveries_by_time ON deliveries (received_at);
CREATE INDEX events_by_preview ON events (preview, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',277);
COMMIT;
PRAGMA user_version = 2;
