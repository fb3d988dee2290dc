//! Dumps of MariaDB as its own program writes them, and scripts as people write them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use harness::{App, Dayfly};

const ENGINE: &str = "mariadb:10.11";

/// Where `tests/dumps/oracle` records them.
fn recorded(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("dumps/mariadb")
        .join(name)
}

/// What the application's user is answered.
async fn ask(dayfly: &Dayfly, id: &str, statement: &str) -> anyhow::Result<String> {
    let words = [
        "--skip-column-names",
        "--batch",
        "--raw",
        "--execute",
        statement,
    ];
    let answer = dayfly.query(id, "-", &words).await?;
    Ok(answer.trim().to_owned())
}

/// What the application's user may do, and nobody more.
const GRANTS: &str = "GRANT ALL PRIVILEGES ON `app`.* TO `app`@`%`";
/// Whose views, triggers, routines and events are.
const DEFINERS: &str = "select group_concat(distinct definer) from (select definer from \
    information_schema.views union all select definer from information_schema.triggers union all \
    select definer from information_schema.events union all select definer from \
    information_schema.routines where routine_schema = 'app') x where definer not like 'mariadb.sys%'";

async fn import(dayfly: &Dayfly, name: &str, file: &Path) -> anyhow::Result<harness::Ran> {
    let file = file.to_str().context("a path that is no text")?;
    let words = ["snapshot", "import", name, file, "--engine", ENGINE];
    dayfly.command(dayfly.data(), &words).await
}

/// Brings a dump and compares what became of it with what was dumped.
async fn expect_data(dayfly: &Dayfly, form: &str) -> anyhow::Result<()> {
    let done = import(dayfly, form, &recorded(&format!("{form}.sql"))).await?;
    ensure!(done.success, "{form}: {done:?}");
    let preview = dayfly.database(ENGINE, Some(form)).await?;
    let ask = async |what: &str| ask(dayfly, &preview.id, what).await;
    let checksums = std::fs::read_to_string(recorded("checksums.sql"))?;
    let wanted = std::fs::read_to_string(recorded("checksum"))?;
    let found = ask(&checksums).await?;
    ensure!(found == wanted.trim(), "{form}: {found}");
    ensure!(ask(DEFINERS).await? == "app@%", "{form}");
    let grants = ask("show grants").await?;
    let grants: Vec<_> = grants.lines().collect();
    ensure!(
        grants.len() == 2 && grants[1] == GRANTS,
        "{form}: {grants:?}"
    );
    let events = "select group_concat(status) from information_schema.events";
    ensure!(ask(events).await? == "DISABLED", "{form}");
    dayfly.remove(&preview.id).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_mariadb_becomes_the_data_whatever_its_database_was_called() -> anyhow::Result<()>
{
    Dayfly::play(async |dayfly| {
        tokio::try_join!(
            expect_data(dayfly, "whole"),
            expect_data(dayfly, "databases")
        )?;
        expect_data(dayfly, "all").await
    })
    .await
}

/// A dump of MySQL with a view, a trigger and a collation that nobody here knows, as its program
/// writes such.
const OF_MYSQL: &str = "-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
--
-- Host: localhost    Database: store
-- ------------------------------------------------------
-- Server version\t8.0.36

SET @MYSQLDUMP_TEMP_LOG_BIN = @@SESSION.SQL_LOG_BIN;
SET @@SESSION.SQL_LOG_BIN= 0;
SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5';
CREATE DATABASE /*!32312 IF NOT EXISTS*/ `store` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE \
utf8mb4_0900_ai_ci */ /*!80016 DEFAULT ENCRYPTION='N' */;
USE `store`;
CREATE TABLE `sold` (
  `what` varchar(40) NOT NULL,
  `said` text,
  PRIMARY KEY (`what`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci;
LOCK TABLES `sold` WRITE;
INSERT INTO `sold` VALUES ('tea ☕','it\\'s; /*!50013 DEFINER=`a`@`b`*/'),('tea ','-- '),('tea',NULL);
UNLOCK TABLES;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`keeper`@`10.%`*/ /*!50003 TRIGGER `asked` BEFORE INSERT ON `sold` \
FOR EACH ROW BEGIN
  /* nobody's; */
  SET NEW.said = 'nothing';
END */;;
DELIMITER ;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=`keeper`@`10.%` SQL SECURITY DEFINER */
/*!50001 VIEW `quiet` AS select `sold`.`what` AS `what` from `sold` where (`sold`.`said` = 'nothing') */;
-- Dump completed on 2026-01-01  0:00:00
";

#[tokio::test(flavor = "multi_thread")]
async fn a_view_and_a_trigger_of_somebody_elses_account_work_for_the_application()
-> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let toml = "[services.web]\nbuild = \".\"\nhealth = \"/healthz\"\n\n[databases.main]\n\
                    engine = \"mariadb:10.11\"\nseed = \"seed.sql\"\n";
        let app = App::probe("text")
            .with("dayfly.toml", toml)
            .with("seed.sql", OF_MYSQL);
        let (pull, _) = dayfly.open_live("change", &app).await?;
        let ask = async |what: &str| ask(dayfly, &pull.id, what).await;
        ask("insert into sold (what) values ('coffee')").await?;
        ensure!(ask("select what from quiet").await? == "coffee");
        let said = ask("select said from sold where what = 'tea ☕'").await?;
        ensure!(said == "it's; /*!50013 DEFINER=`a`@`b`*/", "{said}");
        let shown = dayfly
            .command(dayfly.data(), &["show", &pull.id])
            .await?
            .stdout;
        for words in [
            "rows seeded: sold 3",
            "database store: renamed to app here",
            "definer keeper: replaced by app (2 times)",
            "collation utf8mb4_0900_ai_ci: replaced by utf8mb4_uca1400_nopad_ai_ci",
            "setting gtid_purged: left out",
        ] {
            ensure!(shown.contains(words), "{words}: {shown}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_of_mariadb_that_cannot_become_the_data_says_why_and_where() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let two = std::fs::read(recorded("two.sql"))?;
        let plain = std::fs::read(recorded("plain.sql"))?;
        let end = b"-- Dump completed";
        let end = plain.windows(end.len()).position(|window| window == end);
        let cut = &plain[..end.context("no end")?];
        let cases = [
            (
                "two",
                two.as_slice(),
                "it fills the databases shop and other",
            ),
            ("cut", cut, "the file is cut off"),
            ("runs", b"select 1;\n\\! id\n", "runs.sql failed at line 2"),
            (
                "reads",
                b"\n\nload data infile 'x' into table t;\n",
                "reads.sql failed at line 3",
            ),
            ("nothing", b"create database shop;\n", "it creates no table"),
            (
                "wrong",
                b"create table t (a int);\ninsert into u values (1);\n",
                "wrong.sql failed at line 2",
            ),
        ];
        for (name, seed, told) in cases {
            let file = dayfly.data().join(format!("{name}.sql"));
            std::fs::write(&file, seed)?;
            let done = import(dayfly, name, &file).await?;
            ensure!(
                !done.success && done.stderr.contains(told),
                "{name}: {done:?}"
            );
        }
        let toml = "[services.web]\nbuild = \".\"\n\n[databases.main]\nengine = \"mariadb:10.11\"\n\
                    seed = \"db\"\n";
        let apart = App::page("text")
            .with("dayfly.toml", toml)
            .with("db/1.sql", "use one;\ncreate table t (a int);\n")
            .with("db/2.sql", "use another;\ncreate table u (a int);\n");
        let pull = dayfly.open("apart", &apart).await?;
        let said = dayfly.failed(&pull, &pull.commit).await?.diagnosed();
        ensure!(
            said.contains("it fills the databases one and another"),
            "{said}"
        );
        Ok(())
    })
    .await
}
