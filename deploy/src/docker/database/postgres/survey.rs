//! Survey of a PostgreSQL server, including data that it derives from rows.

use super::client::psql;
use crate::{
    docker::database::{
        masking::{
            CHANCE_MARK, Cell, DATE_LIKE, Database, Holds, Reading, Relation, RelationKind, Survey,
            TELLING_CHARS_MIN,
        },
        run::Run,
    },
    dump::sql,
};

/// Time limit for a foreign table to return a row, in milliseconds.
const FOREIGN_MS_MAX: u32 = 5_000;

/// Resets defaults that a dump may have changed, so that two surveys print values alike.
const PLAIN: &str = "set search_path = pg_catalog;\nset statement_timeout = 0;\n\
    set default_transaction_read_only = off;\nset datestyle = 'ISO';\nset timezone = 'UTC';\n\
    set intervalstyle = 'postgres';\nset extra_float_digits = 1;\nset lc_monetary = 'C';\n\
    set max_parallel_workers_per_gather = 0;\n";

/// `template0` accepts no connections and is empty.
const DATABASES: &str = "copy (select datname, datallowconn from pg_catalog.pg_database\n\
    where datname <> 'template0' order by datname) to stdout;\n";

/// The encoding of digested text. A database without an encoding converts nothing.
const ENCODING: &str =
    "case getdatabaseencoding() when 'SQL_ASCII' then 'SQL_ASCII' else 'UTF8' end::name";

/// Every relation with rows of its own that users made, column by column, and the large objects.
/// The server's own relations have ids below 16384.
const COLUMNS: &str = "copy (select current_database(), c.relkind, n.nspname, c.relname,\n\
    (with recursive up (oid) as (select i.inhparent from pg_inherits i\n\
    where i.inhrelid = c.oid and c.relispartition\n\
    union all select i.inhparent from up join pg_inherits i on i.inhrelid = up.oid)\n\
    select wn.nspname || '.' || w.relname from up join pg_class w on w.oid = up.oid\n\
    join pg_namespace wn on wn.oid = w.relnamespace where not w.relispartition limit 1),\n\
    a.attname, case when t.typname in ('json', 'jsonb') then 'j' when t.typname = 'bool' then 'b'\n\
    when t.typname in ('int2', 'int4', 'int8', 'oid', 'uuid') then 'k'\n\
    when t.typname = 'bytea' then 'y' else 't' end, pg_relation_size(c.oid),\n\
    exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid\n\
    and d.deptype = 'e')\n\
    from pg_class c join pg_namespace n on n.oid = c.relnamespace\n\
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped\n\
    join pg_type own on own.oid = a.atttypid\n\
    join pg_type t on t.oid = case own.typtype when 'd' then\n\
    (with recursive base (oid, parent) as (select own.oid, own.typbasetype\n\
    union all select up.oid, up.typbasetype from base join pg_type up on up.oid = base.parent)\n\
    select base.oid from base where base.parent = 0) else own.oid end\n\
    where c.oid >= 16384 and c.relkind in ('r', 'p', 'm', 'f')\n\
    and c.relpersistence <> 't' and c.relispopulated\n\
    order by n.nspname, c.relname, a.attnum) to stdout;\n\
    copy (select current_database(), 'L', '', '', null, null, null, count(*), false\n\
    from pg_largeobject_metadata having count(*) > 0) to stdout;\n";

/// Refreshes materialised views in any order of dependency: a view over an empty view fails and is
/// retried. A view that was never populated stays so.
const REFRESH: &str = "do $refresh$\n\
    declare\n\
    waiting oid[] := array(select c.oid from pg_class c where c.relkind = 'm' and c.relispopulated\n\
    order by c.oid);\n\
    failing oid[]; view oid; state text;\n\
    begin\n\
    foreach view in array waiting loop\n\
    execute format('refresh materialized view %s with no data', view::regclass);\n\
    end loop;\n\
    while cardinality(waiting) > 0 loop\n\
    failing := '{}';\n\
    foreach view in array waiting loop\n\
    begin\n\
    execute format('refresh materialized view %s', view::regclass);\n\
    exception when others then\n\
    failing := failing || view; state := sqlstate;\n\
    end;\n\
    end loop;\n\
    if cardinality(failing) = cardinality(waiting) then\n\
    raise exception 'the materialised view % cannot be refreshed (SQLSTATE %); to see why, have the mask \
    refresh it', replace(failing[1]::regclass::text, '\"', ''), state;\n\
    end if;\n\
    waiting := failing;\n\
    end loop;\n\
    end $refresh$;\n";

/// An update leaves the old row in its file until the file is rewritten. Statistics contain values
/// of rows, and `analyze` does not renew those of partitioned and of empty tables. So they are
/// deleted after the rewrite, which also cancels any concurrent `analyze`.
const REWRITE: &str = "vacuum (full);\n\
    delete from pg_statistic;\n\
    select 'delete from pg_statistic_ext_data'\n\
    where to_regclass('pg_catalog.pg_statistic_ext_data') is not null \\gexec\n\
    analyze;\n\
    vacuum (full) pg_statistic;\n\
    select 'vacuum (full) pg_statistic_ext_data'\n\
    where to_regclass('pg_catalog.pg_statistic_ext_data') is not null \\gexec\n";

/// The log contains both old and new rows.
const BEGIN_LOG: &str = "checkpoint;\nselect pg_switch_wal();\ncheckpoint;\n";

pub(super) struct PostgresSurvey;

impl Survey for PostgresSurvey {
    fn databases(&self) -> Option<Run> {
        Some(reading(&["--quiet"], DATABASES.to_owned()))
    }

    fn columns(&self, databases: &[Database]) -> Run {
        let mut script = String::new();
        for database in databases.iter().filter(|database| database.is_open) {
            enter(&mut script, &database.name);
            script.push_str(COLUMNS);
        }
        reading(&["--quiet"], script)
    }

    fn rows(&self, readings: &[Reading]) -> Run {
        let mut script = String::new();
        let mut entered = None;
        for (at, reading) in readings.iter().enumerate() {
            let database = reading.relation.database.as_str();
            if entered != Some(database) {
                enter(&mut script, database);
                entered = Some(database);
            }
            script.push_str(&copy(at, reading));
        }
        reading(&["--quiet", "--set=ON_ERROR_STOP=0"], script)
    }

    fn forget(&self, databases: &[Database], _relations: &[Relation]) -> Option<Run> {
        let mut script = String::new();
        for database in databases.iter().filter(|database| database.is_open) {
            enter(&mut script, &database.name);
            script.push_str(REFRESH);
            script.push_str(REWRITE);
        }
        script.push_str(BEGIN_LOG);
        Some(reading(&["--quiet", "--output=/dev/null"], script))
    }
}

/// A run of the client that reads a script.
fn reading(more: &[&str], script: String) -> Run {
    let words: Vec<&str> = more.iter().copied().chain(["--file=-"]).collect();
    psql(&words)
        .with("PGCLIENTENCODING", "UTF8")
        .reading(script)
}

/// Connects the script to a database.
fn enter(script: &mut String, database: &str) {
    let to = sql::connection(database.as_bytes());
    let to = sql::quoted(&String::from_utf8_lossy(&to));
    script.push_str(&format!("\\connect -reuse-previous=on {to}\n{PLAIN}"));
}

/// Prints the rows of a relation. The end marker comes from the same statement, so that it is
/// missing if the statement fails.
fn copy(at: usize, reading: &Reading) -> String {
    let relation = &reading.relation;
    let from = match relation.kind {
        RelationKind::LargeObjects => "pg_largeobject".to_owned(),
        RelationKind::Foreign => named(relation),
        _ => format!("only {}", named(relation)),
    };
    let cells = reading.cells.iter().map(|cell| match cell {
        Cell::Digest(column) => digest(&sql::quoted(&column.name), column.holds),
        Cell::Document(column) => format!(", {}::text", sql::quoted(&column.name)),
        Cell::Page => digest("data", Holds::Bytes),
    });
    let cells: String = cells.collect();
    let nothing = ", ''".repeat(reading.cells.len());
    let limit = reading
        .rows_max
        .map_or_else(String::new, |rows| format!(" limit {rows}"));
    let copy = format!(
        "copy ((select '{at}'{cells} from {from}{limit}) union all select '{at}.'{nothing}) to stdout;\n"
    );
    match relation.kind {
        RelationKind::Foreign => {
            format!("set statement_timeout = {FOREIGN_MS_MAX};\n{copy}set statement_timeout = 0;\n")
        }
        _ => copy,
    }
}

/// Prints a digest with the mark of a value that may be in several places by chance.
fn digest(column: &str, holds: Holds) -> String {
    let (value, bytes, is_date) = match holds {
        Holds::Bytes => {
            let value = format!("nullif({column}, '')");
            (value.clone(), value, String::new())
        }
        _ => {
            let value = format!("nullif(btrim({column}::text), '')");
            let bytes = format!("convert_to({value}, {ENCODING})");
            // Not every collation can be used with `like`.
            let is_date = format!(" or {value} collate \"C\" like '{DATE_LIKE}'");
            (value, bytes, is_date)
        }
    };
    format!(
        ", case when length({value}) < {TELLING_CHARS_MIN}{is_date} then '{CHANCE_MARK}' else '' end \
         || encode(sha256({bytes}), 'hex')"
    )
}

fn named(relation: &Relation) -> String {
    format!(
        "{}.{}",
        sql::quoted(&relation.schema),
        sql::quoted(&relation.table)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::database::{masking::Column, run::Input};

    #[test]
    fn names_and_databases_are_quoted() {
        let relation = Relation {
            database: "it's \"b\"".to_owned(),
            kind: RelationKind::Table,
            schema: "a b".to_owned(),
            table: "x\"y".to_owned(),
            whole: None,
            columns: Vec::new(),
            size: 0,
            of_extension: false,
        };
        let column = Column {
            name: "e\"mail".to_owned(),
            holds: Holds::Text,
        };
        let readings = [Reading {
            relation,
            cells: vec![Cell::Digest(column)],
            rows_max: None,
        }];
        let run = PostgresSurvey.rows(&readings);
        let Some(Input::Bytes(script)) = run.input else {
            panic!("no script");
        };
        let script = String::from_utf8(script.to_vec()).unwrap();
        assert!(script.starts_with("\\connect -reuse-previous=on \"dbname='it\\'s \"\"b\"\"'\"\n"));
        let value = "nullif(btrim(\"e\"\"mail\"::text), '')";
        let copy = format!(
            "copy ((select '0', case when length({value}) < 6 or {value} collate \"C\" like '____-__-__%' \
             then '-' else '' end || encode(sha256(convert_to({value}, {ENCODING})), 'hex') from only \
             \"a b\".\"x\"\"y\") union all select '0.', '') to stdout;\n"
        );
        assert!(script.ends_with(&copy), "{script}");
    }
}
