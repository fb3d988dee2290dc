//! Selects the application's database after a script created its own databases.

use std::collections::{BTreeMap, BTreeSet};

use super::client::psql_in;
use crate::{
    databases::{DatabaseError, USER},
    docker::{
        Docker,
        database::{kind::Kind, run::Run},
    },
    dump::sql,
};

/// A database without content; renames of the others run from here.
const TEMPLATE: &str = "template1";

/// Counts tables and views that belong neither to the server nor to an extension.
const COUNT: &str = "select count(*) from pg_catalog.pg_class c \
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relpersistence <> 't' \
    and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_toast%' \
    and not exists (select from pg_catalog.pg_depend d where d.objid = c.oid and d.deptype = 'e')";

impl Docker {
    /// Ensures that the application's database contains the script's tables: if another database
    /// has all of them, it becomes the application's.
    ///
    /// # Errors
    /// If several databases have tables and the application's has none.
    pub(in crate::docker::database) async fn adopt_database(
        &self,
        id: &str,
        kind: &dyn Kind,
        path: &str,
        made: &BTreeSet<String>,
    ) -> Result<Option<String>, DatabaseError> {
        let failed = |message: String| DatabaseError::Seed {
            path: path.to_owned(),
            line: None,
            message,
            output: Vec::new(),
        };
        let mut counts = BTreeMap::new();
        for name in made.iter().map(String::as_str).chain([USER]) {
            let answer = self.execute_as(id, kind, psql_in(name, COUNT)).await?;
            let count = answer.output.trim().parse::<u64>();
            let count = count.map_err(|_| failed(answer.last_error()))?;
            counts.insert(name, count);
        }
        counts.retain(|_, count| *count > 0);
        if counts.is_empty() || counts.contains_key(USER) {
            return Ok(None);
        }
        let names: Vec<&str> = counts.into_keys().collect();
        match names.as_slice() {
            [one] if *one != TEMPLATE => {
                let answer = self.execute_as(id, kind, renaming(one)).await?;
                match answer.succeeded() {
                    true => Ok(Some((*one).to_owned())),
                    false => Err(failed(answer.last_error())),
                }
            }
            names => Err(failed(format!(
                "it fills the databases {}, but the application gets only one: \
                 dump that one alone, by naming it to pg_dump",
                names.join(" and ")
            ))),
        }
    }
}

/// Renames a database to the application's name.
fn renaming(name: &str) -> Run {
    let own = sql::quoted(USER);
    let mut script = format!(
        "drop database {own};\nalter database {} rename to {own};\n",
        sql::quoted(name)
    );
    // Programs without a configured database connect to this one.
    if name == "postgres" {
        script.push_str("create database postgres;\n");
    }
    psql_in(TEMPLATE, "").reading(script)
}
