//! Backups of a SQLite database: copied while servers run, and checked before one replaces a database.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl};

use super::{AnyConnection, Result, StoreError, installation, migrations, on, sqlite};

/// A copy that was checked.
pub struct Copied {
    /// The size of the file.
    pub bytes: u64,
    /// The newest migration in it.
    pub migration: String,
    /// The check value of the base key that opens it.
    pub key_check: String,
}

/// Copies the database file `database` to `copy`, in its state at one moment (`VACUUM INTO` reads in one transaction).
///
/// # Errors
/// [`StoreError::Unusable`] when a file exists at `copy`, or the copy cannot be completed.
pub fn write(database: &str, copy: &Path) -> Result<Copied> {
    let mut source = sqlite::connect(database)?;
    let new = NewFile::begin(copy)?;
    let partial = new.partial_text()?.replace('\'', "''");
    source.batch_execute(&format!("VACUUM INTO '{partial}'"))?;
    let copied = check(&new)?;
    new.finish()?;
    Ok(copied)
}

/// Restores a copy as the database file `database`, after checking that it is complete and belongs to the base key
/// of `key_check`.
///
/// # Errors
/// [`StoreError::Unusable`] when files of a database are left at `database`, or the copy is not valid.
pub fn restore(copy: &Path, database: &str, key_check: &str) -> Result<Copied> {
    let database = Path::new(database);
    for (of, side, advice) in [
        (copy, "-wal", "it is no backup but the file of a running or broken server, and not whole without that one"),
        (database, "-wal", "it belongs to the database that was here; move it away first"),
        (database, "-journal", "it belongs to the database that was here; move it away first"),
        (database, "-shm", "a server still runs on the database that was here, or broke off; stop it and move it away"),
    ] {
        let file = beside(of, side);
        if !is_absent_or_empty(&file) {
            return Err(StoreError::Unusable(format!("{} is there: {advice}", file.display())));
        }
    }
    let mut from = File::open(copy).map_err(|error| unusable(copy, &error))?;
    let new = NewFile::begin(database)?;
    let mut to = OpenOptions::new().write(true).open(&new.partial).map_err(|error| unusable(&new.partial, &error))?;
    std::io::copy(&mut from, &mut to).map_err(|error| unusable(&new.partial, &error))?;
    drop(to);
    let copied = check(&new).map_err(|error| StoreError::Unusable(format!("{}: {error}", copy.display())))?;
    if copied.key_check != key_check {
        let message = "it was made with another base key; put the secret file of that time back first";
        return Err(StoreError::Unusable(format!("{}: {message}", copy.display())));
    }
    new.finish()?;
    Ok(copied)
}

#[derive(QueryableByName)]
struct Finding {
    #[diesel(sql_type = Text)]
    finding: String,
}

/// Checks that a copy is a complete database of a Gatepost version that this binary knows.
fn check(new: &NewFile) -> Result<Copied> {
    let broken = |message: &str| StoreError::Unusable(message.to_owned());
    let mut database = sqlite::connect(new.partial_text()?)?;
    let whole = "SELECT integrity_check AS finding FROM pragma_integrity_check";
    let findings: Vec<Finding> = on!(&mut database, |c| diesel::sql_query(whole).load(c))?;
    if findings.iter().any(|row| row.finding != "ok") {
        return Err(broken("the database in it is damaged"));
    }
    if !installation::is_begun(&mut database)? {
        return Err(broken("it is a database of another program, or an empty one"));
    }
    let loose = "SELECT \"table\" AS finding FROM pragma_foreign_key_check";
    let findings: Vec<Finding> = on!(&mut database, |c| diesel::sql_query(loose).load(c))?;
    if !findings.is_empty() {
        return Err(broken("rows of the database in it name others that are missing"));
    }
    let migration = match &mut database.connection {
        AnyConnection::Sqlite(connection) => migrations::newest(connection)?,
        _ => unreachable!("because this file opens SQLite only"),
    };
    let (Some(migration), Some(known)) = (migration, installation::find(&mut database)?) else {
        return Err(broken("the database in it was never finished"));
    };
    // Closed before it is measured: the content of its log is in the file then.
    drop(database);
    let bytes = fs::metadata(&new.partial).map_err(|error| unusable(&new.partial, &error))?.len();
    Ok(Copied { bytes, migration, key_check: known.key_check })
}

/// A file that gets its name only when it is complete. The name is reserved, so it never replaces another file.
struct NewFile {
    file: PathBuf,
    partial: PathBuf,
    is_finished: bool,
}

impl NewFile {
    fn begin(file: &Path) -> Result<Self> {
        // SQLite never reads an absolute path as a URI.
        let file = std::path::absolute(file).map_err(|error| unusable(file, &error))?;
        let partial = beside(&file, ".partial");
        if !is_absent_or_empty(&file) {
            return Err(StoreError::Unusable(format!("{} is there already; it is not replaced", file.display())));
        }
        create(&partial)?;
        let new = Self { file, partial, is_finished: false };
        match create(&new.file) {
            Err(_there) if is_absent_or_empty(&new.file) && new.file.exists() => Ok(new),
            created => created.map(|()| new),
        }
    }

    fn partial_text(&self) -> Result<&str> {
        let text = self.partial.to_str();
        text.ok_or_else(|| StoreError::Unusable(format!("{} is not UTF-8", self.partial.display())))
    }

    fn finish(mut self) -> Result<()> {
        let folder = self.file.parent().unwrap_or(&self.file);
        let synced = File::open(&self.partial).and_then(|file| file.sync_all());
        let renamed = synced.and_then(|()| fs::rename(&self.partial, &self.file));
        renamed.and_then(|()| File::open(folder)?.sync_all()).map_err(|error| unusable(&self.file, &error))?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        let sides = ["-wal", "-shm", "-journal"].map(|side| beside(&self.partial, side));
        for file in sides.iter().chain([&self.partial, &self.file]) {
            match fs::remove_file(file) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    tracing::warn!(%error, file = %file.display(), "what was half made could not be removed");
                }
                _ => {}
            }
        }
    }
}

/// Creates an empty file that only its owner can read; fails when the file exists.
fn create(file: &Path) -> Result<()> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    created.map(drop).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            StoreError::Unusable(format!("{} is there already, perhaps of a try that broke off", file.display()))
        }
        _ => unusable(file, &error),
    })
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(ending);
    PathBuf::from(name)
}

fn is_absent_or_empty(file: &Path) -> bool {
    match fs::symlink_metadata(file) {
        Ok(metadata) => metadata.is_file() && metadata.len() == 0,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

fn unusable(file: &Path, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unusable(format!("{}: {error}", file.display()))
}
