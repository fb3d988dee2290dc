//! Masks that forget something, and what an import says of it.

use anyhow::{Context as _, ensure};
use harness::{App, Dayfly, Ran};
use serde_json::Value;

/// Personal data in nine places of a server of Postgres. A file of the server stands for what is elsewhere.
const DUMP: &str = "\\connect app
create role auditor login password 'real-secret';
create schema crm;
create table users (id int primary key, email text, ok_email boolean, profile jsonb);
insert into users select i, 'ada' || i % 7 || '@real.test', true,
  jsonb_build_object('seen', jsonb_build_array(jsonb_build_object('phone', 'real-' || i)), 'theme', 'dark')
  from generate_series(1, 300) i;
create table visits (day date, email text) partition by range (day);
create table visits_2025 partition of visits for values from ('2025-01-01') to ('2026-01-01');
create table visits_2026 partition of visits for values from ('2026-01-01') to ('2027-01-01');
insert into visits select date '2025-01-01' + i, 'ada' || i % 5 || '@real.test' from generate_series(1, 700) i;
create table crm.contacts as select id, email as mail, email as note from users;
create statistics crm.tied (mcv) on mail, note from crm.contacts;
create materialized view seen as select email, count(*) as total from users group by email;
create materialized view seen_again as select email from seen;
create extension file_fdw;
create server files foreign data wrapper file_fdw;
copy (select email from users) to '/var/lib/postgresql/data/people.csv';
create foreign table people_file (email text) server files options (filename 'people.csv');
select lo_from_bytea(4711, 'a letter of ada@real.test');
analyze;
create database archive;
\\connect archive
create table people (id int, email text);
insert into people select i, 'ada@real.test' from generate_series(1, 100) i;
analyze;
";

/// What replaces each of them, by a part of the name under which an import tells of it.
const PARTS: [(&str, &str); 8] = [
    (
        "public.users.email",
        "update users set email = 'u' || id || '@example.test';",
    ),
    (
        "public.users.profile:phone",
        "update users set profile = jsonb_build_object('phone', 'x' || id);",
    ),
    (
        "public.visits_2025.email",
        "update visits_2025 set email = 'v' || day;",
    ),
    (
        "public.visits_2026.email",
        "update visits_2026 set email = 'v' || day;",
    ),
    (
        "crm.contacts.mail",
        "update crm.contacts set mail = 'c' || id, note = '';",
    ),
    (
        "foreign-table:public.people_file",
        "drop foreign table people_file;",
    ),
    (
        "large-objects",
        "select lo_unlink(oid) from pg_largeobject_metadata;",
    ),
    (
        "database:archive",
        "\\connect archive\nupdate people set email = 'p' || id;\n\\connect app",
    ),
];

/// The mask without some of its parts.
fn mask_without(forgotten: &[&str]) -> String {
    let kept = PARTS.iter().filter(|(name, _)| !forgotten.contains(name));
    kept.map(|(_, part)| format!("{part}\n")).collect()
}

/// Imports the dump with a mask and more words.
async fn import(dayfly: &Dayfly, mask: &str, more: &[&str]) -> anyhow::Result<Ran> {
    import_dump(dayfly, DUMP, mask, more).await
}

/// Imports a dump with a mask and more words.
async fn import_dump(
    dayfly: &Dayfly,
    dump: &str,
    mask: &str,
    more: &[&str],
) -> anyhow::Result<Ran> {
    let here = dayfly.data();
    std::fs::write(here.join("dump.sql"), dump)?;
    std::fs::write(here.join("mask.sql"), mask)?;
    let words = [
        "snapshot",
        "import",
        "nightly",
        "dump.sql",
        "--engine",
        "postgres:15",
        "--mask",
        "mask.sql",
    ];
    dayfly.command(here, &[&words, more].concat()).await
}

/// Says of a text that no value of the dump is in it.
fn has_no_value(done: &Ran) -> anyhow::Result<()> {
    for value in ["real.test", "real-", "ada@", "ada1"] {
        ensure!(!done.stderr.contains(value), "{value}: {}", done.stderr);
        ensure!(!done.stdout.contains(value), "{value}: {}", done.stdout);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_that_replaces_nothing_is_refused_with_every_place() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let done = import(dayfly, "select 1;\n", &[]).await?;
        ensure!(!done.success, "{done:?}");
        for name in PARTS.iter().map(|(name, _)| *name).chain([
            "public.seen.email",
            "public.seen_again.email",
            "public.visits.email",
            "archive.public.people.email",
            "role:auditor",
            "--accept database:archive",
            "--accept public.visits.email",
        ]) {
            ensure!(done.stderr.contains(name), "{name}: {}", done.stderr);
        }
        ensure!(!done.stderr.contains("ok_email"), "{}", done.stderr);
        has_no_value(&done)?;
        let all = dayfly.api.get("/api/v1/snapshots").await?;
        ensure!(all.as_array().is_some_and(Vec::is_empty), "{all}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_that_forgets_one_place_is_refused_with_its_name() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        for (forgotten, _) in PARTS {
            let done = import(dayfly, &mask_without(&[forgotten]), &[]).await?;
            ensure!(!done.success, "{forgotten}: {done:?}");
            let left: Vec<&str> = done
                .stderr
                .lines()
                .filter(|line| line.starts_with("  "))
                .collect();
            let tells = |line: &&str| line.trim_start().starts_with(&format!("{forgotten}: "));
            ensure!(left.iter().any(tells), "{forgotten}: {}", done.stderr);
            let accept = format!("--accept {forgotten}");
            ensure!(
                done.stderr.contains(&accept),
                "{forgotten}: {}",
                done.stderr
            );
            for (other, _) in PARTS.iter().filter(|(other, _)| *other != forgotten) {
                ensure!(!done.stderr.contains(other), "{other}: {}", done.stderr);
            }
            has_no_value(&done)?;
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_before_is_left_where_a_mask_replaces_everything() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let done = import(dayfly, &mask_without(&[]), &[]).await?;
        ensure!(done.success, "{done:?}");
        for words in [
            "masked",
            "public.visits.email: 0 % of 700 values are unchanged",
            "public.seen.email: 0 % of 300 values",
            "archive.public.people.email: 0 % of 100 values",
            "role:auditor: its password is removed",
        ] {
            ensure!(done.stdout.contains(words), "{words}: {}", done.stdout);
        }
        has_no_value(&done)?;
        let preview = dayfly.database("postgres:15", Some("nightly")).await?;
        let statistics = "(select count(*) from pg_stats where most_common_vals::text ~ 'real' or \
                          histogram_bounds::text ~ 'real')";
        let rest = format!(
            "select (select count(*) from seen where email ~ 'real') + \
             (select count(*) from seen_again where email ~ 'real') + {statistics} + \
             (select count(*) from pg_stats_ext where most_common_vals::text ~ 'real') + \
             (select count(*) from pg_largeobject) + \
             (select count(*) from pg_authid where rolname = 'auditor' and rolpassword is not null)"
        );
        ensure!(dayfly.sql(&preview.id, "-", &rest).await? == "0");
        let gathered = "select count(*) > 0 from pg_stats where tablename = 'seen'";
        ensure!(dayfly.sql(&preview.id, "-", gathered).await? == "t");
        let further =
            format!("select (select count(*) from people where email ~ 'real') + {statistics}");
        let words = ["-d", "archive", "-qAt", "-c", &further];
        let answer = dayfly.query(&preview.id, "-", &words).await?;
        ensure!(answer.trim() == "0", "{answer}");
        expect_clean_files(dayfly, &preview.id).await
    })
    .await
}

/// No file of a table, an index, a statistic or the log has a value of before.
async fn expect_clean_files(dayfly: &Dayfly, id: &str) -> anyhow::Result<()> {
    let files = "with recursive files (path, is_folder) as (select * from \
                 (values ('base', true), ('global', true), ('pg_wal', true)) v union all \
                 select path || '/' || name, (pg_stat_file(path || '/' || name, true)).isdir \
                 from files, pg_ls_dir(case when is_folder then path end, true, false) name) \
                 select coalesce(string_agg(path, ' '), '') from files where not is_folder \
                 and position('@real.test'::bytea in pg_read_binary_file(path, 0, 100000000, true)) > 0";
    let left = dayfly.sql(id, "-", files).await?;
    ensure!(left.is_empty(), "{left}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_may_stay() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let mask = mask_without(&[
            "public.users.profile:phone",
            "public.visits_2025.email",
            "public.visits_2026.email",
            "foreign-table:public.people_file",
            "large-objects",
            "database:archive",
        ]);
        let accepted = [
            "--accept",
            "public.users.profile:phone",
            "--accept",
            "public.visits.email",
            "--accept",
            "foreign-table:public.people_file",
            "--accept",
            "large-objects",
        ];
        let done = import(dayfly, &mask, &accepted).await?;
        ensure!(!done.success, "{done:?}");
        let tail = done
            .stderr
            .split_once("on purpose, add:")
            .context("no words")?
            .1;
        ensure!(tail.contains("\n  --accept database:archive\n"), "{tail}");
        let more = ["--accept", "database:archive", "--accept", "public.nobody"];
        let done = import(dayfly, &mask, &[&accepted[..], &more].concat()).await?;
        ensure!(done.success, "{done:?}");
        for words in [
            "public.visits_2026.email: 100 % of 336 values are unchanged, accepted",
            "database:archive: the mask never connects to it (\\connect), accepted",
            "--accept public.nobody: unused, nothing of that name was left",
        ] {
            ensure!(done.stdout.contains(words), "{words}: {}", done.stdout);
        }
        has_no_value(&done)?;
        // Nobody can visit what is kept as real.
        let done = import(dayfly, "select 1;\n", &["--as", "real"]).await?;
        ensure!(
            done.success && done.stdout.contains("holds real data"),
            "{done:?}"
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_mask_is_told_with_its_line_and_quotes_no_row() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let done = import(dayfly, "select 1;\nupdate nobody set email = '';\n", &[]).await?;
        let wanted = "the mask failed at line 2 of mask.sql: relation \"nobody\" does not exist";
        ensure!(
            !done.success && done.stderr.contains(wanted),
            "{}",
            done.stderr
        );
        let done = import(dayfly, "", &[]).await?;
        ensure!(
            !done.success && done.stderr.contains("the mask mask.sql is empty"),
            "{done:?}"
        );
        let empty = "alter table users alter email set not null;\nupdate users set email = null;\n";
        let done = import(dayfly, empty, &[]).await?;
        ensure!(
            done.stderr
                .contains("line 2 of mask.sql: null value in column"),
            "{}",
            done.stderr
        );
        has_no_value(&done)?;
        let unmade = "create view odd as select 1 / (count(*) - 300) as n from users;\n\
                      create materialized view odder as select n from odd with no data;\n\
                      delete from users where id = 1;\nrefresh materialized view odder;\n\
                      insert into users values (1, 'x');\n";
        let done = import(dayfly, unmade, &[]).await?;
        let wanted = "the mask mask.sql failed: afterwards, the materialised view public.odder \
                      cannot be refreshed (SQLSTATE 22012)";
        ensure!(
            !done.success && done.stderr.contains(wanted),
            "{}",
            done.stderr
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_advice_for_real_data_is_a_command_that_runs() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let done = import(dayfly, &mask_without(&[]), &["--as", "real"]).await?;
        ensure!(done.success, "{done:?}");
        let toml = "[services.web]\nbuild = \".\"\nhealth = \"/healthz\"\n\n[databases.main]\n\
                    engine = \"postgres:15\"\nsnapshot = \"nightly\"\n";
        let pull = dayfly
            .open("change", &App::probe("text").with("dayfly.toml", toml))
            .await?;
        let failed = dayfly.failed(&pull, &pull.commit).await?;
        let said = failed.diagnosed();
        let (_, advice) = said
            .split_once("dayfly snapshot import")
            .context("no advice")?;
        let (advice, _) = advice.split_once('`').context("no end")?;
        let advice = advice
            .replace("FILE", "dump.sql")
            .replace("SCRIPT", "mask.sql");
        let words = ["snapshot", "import"]
            .into_iter()
            .chain(advice.split_whitespace());
        let words: Vec<&str> = words.collect();
        let done = dayfly.command(dayfly.data(), &words).await?;
        ensure!(
            done.success && done.stdout.contains("holds masked data"),
            "{done:?}"
        );
        Ok(())
    })
    .await
}

/// Personal data that a mask can put elsewhere. A trigger keeps the rows of users before each change.
const KEEPING_DUMP: &str = "\\connect app
create table users (id int primary key, email text, phone text, city text, birth_city text,
  latitude double precision, profile jsonb);
insert into users select i, 'ada' || i || '@real.test', 'real-' || 1000000 + i, 'Rome', 'Oslo',
  48 + 1.0 / (3 + i), jsonb_build_object('phone', 'real-' || 2000000 + i) from generate_series(1, 200) i;
create table audit (old jsonb);
insert into audit values ('{\"email\": \"first@real.test\"}');
create function keep() returns trigger language plpgsql as
  $$ begin insert into audit values (to_jsonb(old)); return new; end $$;
create trigger keep before update on users for each row execute function keep();
create domain part as jsonb;
create domain larger_part as part;
create table orders (id int primary key, details larger_part);
insert into orders select i, jsonb_build_object('email', 'order' || i || '@real.test')
  from generate_series(1, 200) i;
create database archive;
\\connect archive
create table people (id int, email text);
insert into people select i, 'old' || i || '@real.test' from generate_series(1, 100) i;
";

/// Parts of a mask for that dump. The first removes the trigger; each of the others replaces values.
const QUIET: &str = "drop trigger keep on users;\n";
const MAIL: &str = "update users set email = 'm' || id || '@example.test';\n";
const PHONE: &str = "update users set phone = '+000 ' || id;\n";
/// The dump has each of these cities in the other column. They are too short to show an origin.
const CITIES: &str = "update users set city = 'Oslo', birth_city = 'Rome';\n";
const LATITUDE: &str = "update users set latitude = id;\n";
const PROFILE: &str = "update users set profile = jsonb_build_object('phone', '+001 ' || id);\n";
const AUDIT: &str = "update audit set old = '{}';\n";
const ORDERS: &str = "update orders set details = '{}';\n";
const ARCHIVE: &str = "\\connect archive\nupdate people set email = 'p' || id;\n\\connect app\n";

/// Masks that leave originals somewhere, with the start of the line that names the place.
fn keeping_masks() -> Vec<(&'static str, String)> {
    let rest = [CITIES, LATITUDE, AUDIT, ORDERS, ARCHIVE].concat();
    let users = [MAIL, PHONE, PROFILE].concat();
    let both = "update users set email = phone, phone = email;\n";
    let trail = "create table trail as select to_jsonb(users) as old from users;\n";
    let mobile =
        "alter table users add mobile text;\nupdate users set mobile = profile ->> 'phone';\n";
    let hidden = "create table information_schema.people as select * from users;\n";
    let closed = "\\connect archive\n\\connect app\n\
                  update pg_database set datallowconn = false where datname = 'archive';\n";
    let text = "alter table users alter profile type text;\n";
    let rounded = "alter database app set extra_float_digits = -3;\n";
    let open = [CITIES, LATITUDE, AUDIT, ORDERS].concat();
    let degrees = [CITIES, AUDIT, ORDERS, ARCHIVE].concat();
    let mask = |parts: &[&str]| parts.concat();
    vec![
        (
            "public.audit.old:email: ",
            mask(&[
                AUDIT,
                ORDERS,
                ARCHIVE,
                "update users set email = 'm' || id, phone = '+0' || id, \
                    latitude = id, profile = '{}';\n",
            ]),
        ),
        (
            "public.trail.old:email: ",
            mask(&[QUIET, trail, &users, &rest]),
        ),
        (
            "public.users.mobile: ",
            mask(&[QUIET, mobile, &users, &rest]),
        ),
        (
            "public.users.phone: 100 % of 200",
            mask(&[QUIET, both, MAIL, PROFILE, &rest]),
        ),
        (
            "public.users.email: 100 % of 200",
            mask(&[QUIET, both, PHONE, PROFILE, &rest]),
        ),
        (
            "database:archive: it accepts no connections",
            mask(&[QUIET, &users, &open, closed]),
        ),
        (
            "public.users.profile:phone: 100 % of 200",
            mask(&[QUIET, MAIL, PHONE, &rest, text]),
        ),
        (
            "public.users.latitude: 100 % of 200",
            mask(&[QUIET, &users, &degrees, rounded]),
        ),
        (
            "public.orders.details:email: 100 % of 200",
            mask(&[QUIET, &users, CITIES, LATITUDE, AUDIT, ARCHIVE]),
        ),
        (
            "information_schema.people.email: 100 % of 200",
            mask(&[QUIET, hidden, &users, &rest]),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_that_keeps_originals_elsewhere_is_refused_with_their_place() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        for (told, mask) in keeping_masks() {
            let done = import_dump(dayfly, KEEPING_DUMP, &mask, &[]).await?;
            ensure!(!done.success, "{told}: {done:?}");
            let mut lines = done.stderr.lines();
            let is_told = lines.any(|line| line.starts_with(&format!("  {told}")));
            ensure!(is_told, "{told}: {}", done.stderr);
            has_no_value(&done)?;
        }
        let all = [
            QUIET, MAIL, PHONE, CITIES, LATITUDE, PROFILE, AUDIT, ORDERS, ARCHIVE,
        ];
        let done = import_dump(dayfly, KEEPING_DUMP, &all.concat(), &[]).await?;
        ensure!(
            done.success && done.stdout.contains("holds masked data"),
            "{done:?}"
        );
        Ok(())
    })
    .await
}

const MARIADB_DUMP: &str = "create table users (id int primary key, email varchar(100), is_phone tinyint(1), \
    profile json);\n\
    insert into users select seq, concat('ada', seq, '@real.test'), 1, \
    concat('{\"a\": [{\"phone\": \"real-', seq, '\"}]}') from seq_1_to_50;\n\
    create table logins (id int primary key, ip varchar(40)) with system versioning;\n\
    insert into logins select seq, concat('real-', seq) from seq_1_to_50;\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_for_mariadb_is_judged_by_what_it_leaves_too() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let here = dayfly.data();
        std::fs::write(here.join("maria.sql"), MARIADB_DUMP)?;
        let run = async |mask: &str| {
            std::fs::write(here.join("mask.sql"), mask)?;
            let words = "snapshot import maria maria.sql --engine mariadb:10.11 --mask mask.sql";
            let words: Vec<&str> = words.split(' ').collect();
            dayfly.command(here, &words).await
        };
        let done = run("update logins set ip = 'x';\n").await?;
        ensure!(!done.success, "{done:?}");
        for words in [
            "users.email: 100 % of 50 values are unchanged",
            "users.profile:phone: 100 % of 50 values",
            "--accept users.email --accept users.profile:phone",
        ] {
            ensure!(done.stderr.contains(words), "{words}: {}", done.stderr);
        }
        for words in ["logins.ip", "is_phone"] {
            ensure!(!done.stderr.contains(words), "{words}: {}", done.stderr);
        }
        has_no_value(&done)?;
        let done = run("selekt 1;\n").await?;
        let wanted = "the mask failed at line 1 of mask.sql: You have an error";
        ensure!(done.stderr.contains(wanted), "{}", done.stderr);
        let mask = "update logins set ip = 'x';\nupdate users set email = concat('u', id), \
                    profile = concat('{\"phone\": \"', id, '\"}');\n";
        let done = run(mask).await?;
        ensure!(
            done.success && done.stdout.contains("logins.ip: 0 % of 50 values"),
            "{done:?}"
        );
        let preview = dayfly.database("mariadb:10.11", Some("maria")).await?;
        let older = "select count(*) from logins for system_time all where ip like 'real%'";
        let words = ["--skip-column-names", "--batch", "--execute", older];
        let answer = dayfly.query(&preview.id, "-", &words).await?;
        ensure!(answer.trim() == "0", "{answer}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_without_a_mask_names_the_same_places() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let here = dayfly.data();
        std::fs::write(here.join("dump.sql"), DUMP)?;
        let words = "snapshot import people dump.sql --engine postgres:15 --json";
        let words: Vec<&str> = words.split(' ').collect();
        let done: Value = serde_json::from_str(&dayfly.command(here, &words).await?.printed()?)?;
        let found = done["personal"].as_array().context("no list")?;
        let names: Vec<&str> = found
            .iter()
            .filter_map(|found| found["name"].as_str())
            .collect();
        for (name, _) in PARTS {
            ensure!(names.contains(&name), "{name}: {names:?}");
        }
        for name in [
            "public.seen.email",
            "role:auditor",
            "archive.public.people.email",
        ] {
            ensure!(names.contains(&name), "{name}: {names:?}");
        }
        ensure!(
            !names.iter().any(|name| name.ends_with("ok_email")),
            "{names:?}"
        );
        Ok(())
    })
    .await
}
