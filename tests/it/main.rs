//! The map of the tests: one binary, a module per journey. Each test starts a whole server of its own
//! (see `harness`), on a SQLite file or, with `TEST_DATABASE_URL`, in a schema of a PostgreSQL.
//! `tidy` reads the tree itself.

mod harness;
mod tidy;
