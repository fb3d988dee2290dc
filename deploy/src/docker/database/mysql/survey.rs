//! Survey of a MySQL or MariaDB server, in which the application has one database.

use crate::{
    docker::database::{
        masking::{
            CHANCE_MARK, Cell, Column, DATE_LIKE, Database, Holds, Reading, Relation, RelationKind,
            Survey, TELLING_CHARS_MIN,
        },
        run::Run,
    },
    dump::Server,
};

/// Whether a column is JSON. MariaDB has no JSON type; it uses text with a check constraint.
const IS_JSON: &str = "exists (select 1 from information_schema.check_constraints k\n\
    where k.constraint_schema = c.table_schema and k.table_name = c.table_name\n\
    and k.check_clause = concat('json_valid(`', replace(c.column_name, '`', '``'), '`)'))";

/// A server, and its client.
pub(super) struct MysqlSurvey {
    pub(super) server: Server,
    /// Prints rows without a header, as the application's user.
    pub(super) client: Run,
}

impl Survey for MysqlSurvey {
    fn databases(&self) -> Option<Run> {
        None
    }

    fn columns(&self, _databases: &[Database]) -> Run {
        let is_json = match self.server {
            Server::Mysql => "c.data_type = 'json'",
            Server::Mariadb => IS_JSON,
        };
        let script = format!(
            "select '', case t.table_type when 'SYSTEM VERSIONED' then 'v' else 'r' end, '',\n\
             c.table_name, '', c.column_name, case when {is_json} then 'j'\n\
             when c.column_type like 'tinyint(1)%' then 'b'\n\
             when c.data_type in ('tinyint', 'smallint', 'mediumint', 'int', 'bigint', 'uuid') then 'k'\n\
             when c.data_type like '%blob' or c.data_type like '%binary' or c.data_type in ('bit',\n\
             'geometry', 'point', 'linestring', 'polygon') then 'y' else 't' end, 0, 'f'\n\
             from information_schema.columns c join information_schema.tables t\n\
             on t.table_schema = c.table_schema and t.table_name = c.table_name\n\
             where c.table_schema = database() and t.table_type in ('BASE TABLE', 'SYSTEM VERSIONED')\n\
             order by c.table_name, c.ordinal_position;\n"
        );
        self.asked(&[], script)
    }

    fn rows(&self, readings: &[Reading]) -> Run {
        let each = readings.iter().enumerate();
        let script = each.map(|(at, reading)| select(at, reading)).collect();
        self.asked(&["--quick", "--force"], script)
    }

    /// A system-versioned table of MariaDB returns older rows in queries. MySQL exposes histograms
    /// of values.
    fn forget(&self, _databases: &[Database], relations: &[Relation]) -> Option<Run> {
        let script: String = match self.server {
            Server::Mariadb => relations
                .iter()
                .filter(|relation| relation.kind == RelationKind::Versioned)
                .map(|relation| format!("delete history from {};\n", quoted(&relation.table)))
                .collect(),
            Server::Mysql => relations.iter().map(drop_histograms).collect(),
        };
        (!script.is_empty()).then(|| self.asked(&[], script))
    }
}

impl MysqlSurvey {
    fn asked(&self, more: &[&str], script: String) -> Run {
        let mut run = self.client.clone();
        run.arguments
            .extend(more.iter().map(|&word| word.to_owned()));
        run.reading(script)
    }
}

/// Histograms came with version 8.0.2.
fn drop_histograms(relation: &Relation) -> String {
    let columns: Vec<_> = relation
        .columns
        .iter()
        .map(|column| quoted(&column.name))
        .collect();
    let (table, columns) = (quoted(&relation.table), columns.join(", "));
    format!("/*!80002 analyze table {table} drop histogram on {columns} */;\n")
}

/// Prints the rows of a table. The end marker comes from the same statement, so that it is missing
/// if the statement fails.
fn select(at: usize, reading: &Reading) -> String {
    let relation = &reading.relation;
    let cells = reading.cells.iter().map(|cell| match cell {
        Cell::Digest(column) => digest(column),
        Cell::Document(column) => format!(", ifnull(cast({} as char), '')", quoted(&column.name)),
        Cell::Page => String::new(),
    });
    let cells: String = cells.collect();
    let all = match relation.kind {
        RelationKind::Versioned => " for system_time all",
        _ => "",
    };
    let limit = reading
        .rows_max
        .map_or_else(String::new, |rows| format!(" limit {rows}"));
    let nothing = ", ''".repeat(reading.cells.len());
    format!(
        "(select '{at}'{cells} from {}{all}{limit}) union all select '{at}.'{nothing};\n",
        quoted(&relation.table)
    )
}

/// Prints a digest with the mark of a value that may be in several places by chance.
fn digest(column: &Column) -> String {
    let name = quoted(&column.name);
    let (is_by_chance, bytes) = match column.holds {
        Holds::Bytes => {
            let value = format!("nullif({name}, '')");
            let is_short = format!("length({value}) < {TELLING_CHARS_MIN}");
            (is_short, value)
        }
        _ => {
            let value = format!("nullif(trim({name}), '')");
            let is_short = format!("char_length({value}) < {TELLING_CHARS_MIN}");
            let is_by_chance = format!("{is_short} or {value} like '{DATE_LIKE}'");
            let bytes = format!("convert({value} using utf8mb4)");
            (is_by_chance, bytes)
        }
    };
    format!(", ifnull(concat(if({is_by_chance}, '{CHANCE_MARK}', ''), sha2({bytes}, 256)), '')")
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
