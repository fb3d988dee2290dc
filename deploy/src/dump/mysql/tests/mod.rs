//! Scripts and statements, and what they become.

mod scripts;

use super::{Server, reader::testing::read};

fn become_of(server: Server, script: &str) -> String {
    String::from_utf8(read(server, script.as_bytes()).0.unwrap()).unwrap()
}

#[test]
fn definers_are_taken_away_wherever_they_stand() {
    for (before, after) in [
        (
            "/*!50003 CREATE*/ /*!50017 DEFINER=`shop`@`%`*/ /*!50003 TRIGGER t BEFORE INSERT ON g\nFOR \
             EACH ROW SET NEW.a = 'DEFINER=`x`@`y`' */;",
            "/*!50003 CREATE*/ /*!50017 */ /*!50003 TRIGGER t BEFORE INSERT ON g\nFOR EACH ROW SET \
             NEW.a = 'DEFINER=`x`@`y`' */;",
        ),
        (
            "/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`a``b`@`%` SQL SECURITY DEFINER \
             */\n/*!50001 VIEW `v` AS select `g`.`definer` = 1 AS `x` from `g` */;",
            "/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013  SQL SECURITY DEFINER */\n/*!50001 VIEW \
             `v` AS select `g`.`definer` = 1 AS `x` from `g` */;",
        ),
        (
            "CREATE DEFINER=CURRENT_USER() FUNCTION f() RETURNS int RETURN 1;",
            "CREATE  FUNCTION f() RETURNS int RETURN 1;",
        ),
        (
            "CREATE OR REPLACE DEFINER = admin@localhost AGGREGATE FUNCTION f() RETURNS int RETURN 1;",
            "CREATE OR REPLACE  AGGREGATE FUNCTION f() RETURNS int RETURN 1;",
        ),
        (
            "ALTER DEFINER='a'@'b' VIEW v AS select 1;",
            "ALTER  VIEW v AS select 1;",
        ),
        (
            "CREATE TABLE definer (definer int);",
            "CREATE TABLE definer (definer int);",
        ),
    ] {
        let (text, report) = read(Server::Mariadb, before.as_bytes());
        assert_eq!(String::from_utf8(text.unwrap()).unwrap(), after);
        assert_eq!(
            report.lock().notes().is_empty(),
            before == after,
            "{before}"
        );
    }
    let (_, report) = read(
        Server::Mysql,
        b"create definer=`shop`@`%` view v as select 1;",
    );
    assert_eq!(report.lock().notes(), ["definer shop: replaced by app"]);
}

#[test]
fn the_one_database_that_is_filled_is_the_applications() {
    let script = "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop` /*!40100 DEFAULT CHARACTER SET latin1 \
        COLLATE latin1_bin */ /*!80016 DEFAULT ENCRYPTION='N' */;\nCREATE DATABASE `empty`;\nUSE \
        `shop`;\nDROP TABLE IF EXISTS `shop`.`a`;\nuse empty\nUSE shop\nCREATE TABLE shop.a (b int \
        REFERENCES `shop`.`c` (`id`));\nINSERT INTO `shop`.a VALUES ('shop.x');\nCREATE VIEW v AS \
        select `shop`.`a`.`b`, `shop`.`b` from `shop`.`a` `shop` join shop.c on shop.b = c.id;\nALTER \
        DATABASE `shop` CHARACTER SET utf8mb4;\nDROP DATABASE shop;\n";
    let (text, report) = read(Server::Mariadb, script.as_bytes());
    let text = String::from_utf8(text.unwrap()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0..3], ["", "", ""]);
    assert_eq!(
        lines[3],
        "alter database `app` character set latin1 collate latin1_bin; DROP TABLE IF EXISTS \
         `app`.`a`;"
    );
    assert_eq!(lines[4..6], ["", ""]);
    assert_eq!(
        lines[6],
        "CREATE TABLE `app`.a (b int REFERENCES `app`.`c` (`id`));"
    );
    assert_eq!(lines[7], "INSERT INTO `app`.a VALUES ('shop.x');");
    assert_eq!(
        lines[8],
        "CREATE VIEW v AS select `app`.`a`.`b`, `shop`.`b` from `app`.`a` `shop` join `app`.c on \
         shop.b = c.id;"
    );
    assert_eq!(lines[9], "alter database `app` character set utf8mb4;");
    assert_eq!(lines[10], "");
    assert!(report.lock().databases.contains("shop"));
}

#[test]
fn two_databases_are_refused_and_the_servers_own_are_left_out() {
    let two = "USE shop;\nCREATE TABLE a (b int);\nUSE other;\nSET a = 1;\nDROP TABLE a;\n";
    let told = read(Server::Mariadb, two.as_bytes()).0.unwrap_err();
    assert!(
        told.starts_with("db/seed.sql at line 5: it fills the databases shop and other"),
        "{told}"
    );
    let script = format!(
        "USE `mysql`;\nDROP TABLE t;\nLOCK TABLES t WRITE;\nINSERT INTO t VALUES ('{}');\nDELIMITER \
         ;;\nCREATE PROCEDURE p() x ;;\nDELIMITER ;\nINSTALL x;\nUSE app;\nINSERT INTO mysql.user VALUES \
         (1);\nUPDATE `sys`.a SET b = 1;\nINSERT INTO a SELECT * FROM mysql.user;\n",
        "x".repeat(3 << 20)
    );
    let script = script.replace("INSTALL x;\n", "");
    let (text, report) = read(Server::Mariadb, script.as_bytes());
    let text = String::from_utf8(text.unwrap()).unwrap();
    let rest: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(
        rest,
        [
            "DELIMITER ;;",
            "DELIMITER ;",
            "INSERT INTO a SELECT * FROM mysql.user;"
        ]
    );
    assert_eq!(
        report.lock().notes(),
        [
            "database mysql: a system database, left out (2 times)",
            "database sys: a system database, left out"
        ]
    );
}

#[test]
fn what_concerns_the_whole_server_is_left_out_and_told() {
    let script = "SET @@SESSION.SQL_LOG_BIN= 0;\nSET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ 'a:1-5';\n\
        SET GLOBAL max_connections = 5;\nset sql_require_primary_key = 0;\nCHANGE MASTER TO \
        MASTER_LOG_FILE='x';\nFLUSH PRIVILEGES;\nCREATE USER `a`@`%`;\nGRANT ALL ON *.* TO a;\nSET \
        PASSWORD = 'x';\nDROP ROLE IF EXISTS r;\nCREATE SERVER s FOREIGN DATA WRAPPER mysql;\n";
    let (text, report) = read(Server::Mariadb, script.as_bytes());
    assert_eq!(text.unwrap(), b"\n".repeat(11));
    assert_eq!(
        report.lock().notes(),
        [
            "a command to the whole server: left out (2 times)",
            "a tablespace or a link to another server: left out",
            "an account or a grant of the other server: left out (4 times)",
            "setting gtid_purged: left out",
            "setting max_connections: left out",
            "setting sql_log_bin: left out",
            "setting sql_require_primary_key: left out",
        ]
    );
    for kept in [
        "SET @TEMP = @@SESSION.SQL_LOG_BIN;",
        "SET NAMES utf8mb4;",
        "SET a = (select 1, 2), b = 3;",
        "LOCK TABLES `a` WRITE;",
        "START TRANSACTION;",
    ] {
        assert_eq!(become_of(Server::Mariadb, kept), kept);
    }
    assert_eq!(
        become_of(
            Server::Mysql,
            "/*!40101 SET a=1, SQL_LOG_BIN=0, b='x,y' */;"
        ),
        "/*!40101 SET a=1, b='x,y' */;"
    );
}

#[test]
fn settings_and_collations_of_the_other_become_the_nearest() {
    for (server, before, after) in [
        (
            Server::Mariadb,
            "CREATE TABLE a (b text COLLATE utf8mb4_0900_as_cs COMMENT 'utf8mb4_0900_ai_ci') \
             COLLATE=utf8mb4_0900_ai_ci;",
            "CREATE TABLE a (b text COLLATE utf8mb4_uca1400_nopad_as_cs COMMENT 'utf8mb4_0900_ai_ci') \
             COLLATE=utf8mb4_uca1400_nopad_ai_ci;",
        ),
        (
            Server::Mariadb,
            "/*!50001 SET collation_connection = 'utf8mb4_0900_ai_ci' */;",
            "/*!50001 SET collation_connection = utf8mb4_uca1400_nopad_ai_ci */;",
        ),
        (
            Server::Mysql,
            "SET NAMES utf8mb4 COLLATE utf8mb4_uca1400_ai_ci;",
            "SET NAMES utf8mb4 COLLATE utf8mb4_0900_ai_ci;",
        ),
        (
            Server::Mysql,
            "/*!50003 SET sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_CREATE_USER,ANSI' */;",
            "/*!50003 SET sql_mode = 'STRICT_ALL_TABLES,ANSI' */;",
        ),
    ] {
        assert_eq!(become_of(server, before), after);
    }
}

#[test]
fn events_are_made_disabled() {
    for (before, after) in [
        (
            "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY ON COMPLETION NOT PRESERVE ENABLE DO DELETE FROM a;",
            "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY ON COMPLETION NOT PRESERVE disable DO DELETE FROM a;",
        ),
        (
            "CREATE EVENT e ON SCHEDULE AT now() COMMENT 'x' DO DELETE FROM a;",
            "CREATE EVENT e ON SCHEDULE AT now() disable COMMENT 'x' DO DELETE FROM a;",
        ),
        (
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE ON SLAVE DO SELECT 1;",
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE ON SLAVE DO SELECT 1;",
        ),
    ] {
        assert_eq!(become_of(Server::Mariadb, before), after);
    }
    let (_, report) = read(
        Server::Mysql,
        b"create event e on schedule every 1 day do select 1;",
    );
    assert_eq!(report.lock().notes(), ["event e: created disabled"]);
}

#[test]
fn what_reaches_beyond_the_database_is_refused_with_its_line() {
    for (script, said) in [
        (
            "select 1;\n\\! id\n",
            "db/seed.sql at line 2: the client's command \\!",
        ),
        ("\\. x.sql\n", "name that as the seed"),
        ("source x.sql\n", "name that as the seed"),
        ("select 1;\nsystem id\nselect 2;\n", "command system"),
        ("-- x\n/* y */ system id;\n", "command system"),
        ("tee /tmp/x\n", "command tee"),
        ("load data local infile 'x' into table t;", "LOAD DATA"),
        ("/*!50000 select 1 into outfile 'x' */;", "writes a file"),
        ("select * from a into dumpfile 'x';", "writes a file"),
        ("INSTALL SONAME 'x';", "installs a plugin"),
        (
            "create function f returns string soname 'x.so';",
            "installs a plugin",
        ),
        ("select 1; delimiter //\n", "a line of its own"),
        ("delimiter\n", "a line of its own"),
    ] {
        let told = read(Server::Mariadb, script.as_bytes()).0.unwrap_err();
        assert!(told.contains(said), "{script}: {told}");
    }
}
