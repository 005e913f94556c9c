//! The SQL that a server runs, as diesel tells of it, and how the database would answer it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use diesel::connection::{Instrumentation, InstrumentationEvent, SimpleConnection, set_default_instrumentation};
use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query};

use super::Server;

/// What was heard, by a piece of the URL that only one test's database has.
type Heard = BTreeMap<String, BTreeSet<String>>;

static HEARD: Mutex<Heard> = Mutex::new(BTreeMap::new());

fn heard() -> MutexGuard<'static, Heard> {
    HEARD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hears what one connection is told.
struct Listener {
    database: Option<String>,
}

impl Instrumentation for Listener {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => {
                self.database = heard().keys().find(|database| url.contains(database.as_str())).cloned();
            }
            InstrumentationEvent::StartQuery { query, .. } => {
                let Some(database) = &self.database else { return };
                let text = query.to_string();
                let sql = text.split(" -- binds:").next().unwrap_or_default().trim().to_owned();
                if let Some(queries) = heard().get_mut(database) {
                    queries.insert(sql);
                }
            }
            _ => {}
        }
    }
}

/// Hears the queries of one database.
pub struct Queries {
    database: String,
}

impl Queries {
    /// Hears every connection that is opened from now on to the database of this URL.
    pub fn listen(url: &str) -> Self {
        set_default_instrumentation(|| Some(Box::new(Listener { database: None }))).expect("because nobody panicked");
        // The schema, or the file's folder.
        let database = url.split("search_path%3D").nth(1).or_else(|| url.rsplit('/').nth(1));
        let database = database.expect("because a test's database has a name of its own").to_owned();
        heard().insert(database.clone(), BTreeSet::new());
        Self { database }
    }

    /// What was heard since the last time, each text once.
    pub fn take(&self) -> BTreeSet<String> {
        heard().get_mut(&self.database).map(std::mem::take).unwrap_or_default()
    }
}

impl Drop for Queries {
    fn drop(&mut self) {
        heard().remove(&self.database);
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// Names the tables that a query reads from end to end.
type Explain = Box<dyn FnMut(&str) -> Vec<String>>;

/// The tables that queries read from end to end, each with the query.
pub fn scans(server: &Server, queries: &[&str]) -> Vec<(String, String)> {
    let mut explain: Explain = match server.sqlite_file() {
        Some(file) => {
            let file = file.to_str().expect("because a test's folder is named plainly");
            let mut connection = SqliteConnection::establish(file).expect("because the server made it");
            Box::new(move |sql: &str| {
                let plan = sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(&mut connection);
                scans_of_sqlite(&lines(plan, sql))
            })
        }
        None => {
            let mut connection = explaining(server.database_url());
            Box::new(move |sql: &str| scans_of_postgres(&plan_of_postgres(&mut connection, sql)))
        }
    };
    let found = queries.iter().flat_map(|sql| explain(sql).into_iter().map(move |table| (table, (*sql).to_owned())));
    found.collect()
}

fn lines(plan: diesel::QueryResult<Vec<Line>>, sql: &str) -> Vec<String> {
    let plan = plan.unwrap_or_else(|error| panic!("{error}: {sql}"));
    plan.into_iter().map(|line| line.detail).collect()
}

fn scans_of_sqlite(plan: &[String]) -> Vec<String> {
    let scanned = plan.iter().filter_map(|line| line.strip_prefix("SCAN "));
    let tables = scanned.filter_map(|rest| rest.split(' ').next());
    tables.filter(|table| *table != "CONSTANT").map(str::to_owned).collect()
}

/// Plans as if the tables were large: whatever index fits is used, and a plan without one is a scan.
fn explaining(url: &str) -> PgConnection {
    let mut connection = PgConnection::establish(url).expect("because the server reaches it");
    let prepared = connection.batch_execute(
        "SET enable_seqscan = off; SET enable_mergejoin = off; SET enable_hashjoin = off; \
         SET plan_cache_mode = force_generic_plan; \
         CREATE FUNCTION pg_temp.explained(query TEXT) RETURNS SETOF TEXT LANGUAGE plpgsql AS \
         $$ BEGIN RETURN QUERY EXECUTE query; END $$",
    );
    prepared.expect("because it is PostgreSQL");
    connection
}

fn plan_of_postgres(connection: &mut PgConnection, sql: &str) -> Vec<String> {
    let parameters = (1..).take_while(|number| sql.contains(&format!("${number}"))).map(|_| "NULL");
    let parameters = parameters.collect::<Vec<_>>().join(", ");
    let parameters = if parameters.is_empty() { parameters } else { format!("({parameters})") };
    let prepared = connection.batch_execute(&format!("PREPARE asked AS {sql}"));
    prepared.unwrap_or_else(|error| panic!("{error}: {sql}"));
    let explain = format!("SELECT pg_temp.explained('EXPLAIN EXECUTE asked{parameters}') AS detail");
    let plan = lines(sql_query(explain).load(connection), sql);
    connection.batch_execute("DEALLOCATE asked").expect("because it was prepared");
    plan
}

/// An index that is read without a condition is read from end to end too.
fn scans_of_postgres(plan: &[String]) -> Vec<String> {
    let is_node = |line: &String| line.contains("(cost=");
    let mut found = Vec::new();
    for (number, line) in plan.iter().enumerate().filter(|(_, line)| is_node(line)) {
        let node = line.trim_start_matches([' ', '-', '>']);
        let table = node.split(" on ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        let has_condition = || {
            let details = plan[number + 1..].iter().take_while(|line| !is_node(line));
            details.into_iter().any(|line| line.trim_start().starts_with("Index Cond:"))
        };
        let is_index = node.starts_with("Index ") || node.starts_with("Bitmap Index ");
        if node.starts_with("Seq Scan") || (is_index && !has_condition()) {
            found.push(table.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_scan_is_found_in_a_plan() {
        let of_sqlite =
            plan("SEARCH grants USING INTEGER PRIMARY KEY (rowid=?)\nSCAN clients\nSCAN users USING INDEX x");
        assert_eq!(scans_of_sqlite(&of_sqlite), ["clients", "users"]);
        let of_postgres = plan(
            "Nested Loop  (cost=0.15..16.20 rows=1 width=8)\n  ->  Seq Scan on clients  (cost=1..2 rows=1 width=8)\n  \
             ->  Index Scan using users_pkey on users  (cost=0.15..8.17 rows=1 width=8)\n        Index Cond: (id = $1)\n  \
             ->  Index Only Scan using grants_pkey on grants  (cost=0.15..8.17 rows=1 width=8)\n        Filter: (x = $1)",
        );
        assert_eq!(scans_of_postgres(&of_postgres), ["clients", "grants"]);
    }
}
