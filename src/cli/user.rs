//! `gatepost user …`: people.

use std::io::Read;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{CommandError, output, start};
use crate::clock::{Clock, UnixTime};
use crate::config::Config;
use crate::domain::password::NewPassword;
use crate::domain::secret::Secret;
use crate::domain::user::{Role, User as Person, fold};
use crate::identity::password_hashing::Hasher;
use crate::identity::people::{self, Credentials};
use crate::outcome::transact;
use crate::store::{Store, users};
use crate::tokens::revoke;

/// People.
#[derive(Subcommand)]
pub enum User {
    /// Make an account. You vouch for the e-mail address.
    Create(Create),
    /// List everybody.
    List,
    /// Show one person.
    Show(Named),
    /// Disable a person: their sessions and tokens stop working at once. Undone by enable.
    Disable(Named),
    /// Enable a disabled person.
    Enable(Named),
    /// Set a new password, read from standard input; sessions, tokens and grants end.
    ResetPassword(Named),
}

/// A new person.
#[derive(Args)]
pub struct Create {
    /// The user name.
    #[arg(long)]
    username: String,
    /// The e-mail address.
    #[arg(long)]
    email: String,
    /// Read the password from standard input; without it the account has none yet.
    #[arg(long)]
    password_stdin: bool,
    /// Make an administrator.
    #[arg(long)]
    admin: bool,
    /// What their tokens may be at most: consumer, author or admin.
    #[arg(long, default_value = "author", conflicts_with = "admin")]
    role: String,
}

/// One person.
#[derive(Args)]
pub struct Named {
    /// The user name.
    #[arg(value_name = "USERNAME")]
    username: String,
}

/// Runs one of them.
///
/// # Errors
/// Why it failed.
pub async fn run(command: User, config: Config, is_json: bool) -> Result<(), CommandError> {
    let (store, _) = start::store(&config, &Clock::System).await?;
    let now = Clock::System.now();
    match command {
        User::Create(new) => create(&store, now, &config, new, is_json).await,
        User::List => {
            let everybody = store.read(users::list).await?;
            output::list(&everybody.iter().map(shown).collect::<Vec<_>>(), is_json);
            Ok(())
        }
        User::Show(named) => {
            output::record(&shown(&find(&store, &named).await?), is_json);
            Ok(())
        }
        User::Disable(named) => set_disabled(&store, &named, Some(now)).await,
        User::Enable(named) => set_disabled(&store, &named, None).await,
        User::ResetPassword(named) => reset_password(&store, now, &config, &named).await,
    }
}

fn read_password() -> Result<Secret, CommandError> {
    let mut text = zeroize::Zeroizing::new(String::new());
    std::io::stdin().read_to_string(&mut text)?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}

async fn create(store: &Store, now: UnixTime, config: &Config, new: Create, is_json: bool) -> Result<(), CommandError> {
    let role = if new.admin { Ok(Role::Admin) } else { new.role.parse() };
    let role: Role = role.map_err(|error| CommandError::Refused(format!("role {error}")))?;
    let password = if new.password_stdin { Some(read_password()?) } else { None };
    let credentials =
        Credentials { username: &new.username, email: &new.email, password: password.as_ref().map(Secret::expose) };
    let person = people::check(credentials).map_err(crate::outcome::Error::Refused)?;
    let hasher = Hasher::start(config.bcrypt_cost, 1)?;
    let hash = person.hash(&hasher).await.map_err(|busy| CommandError::Refused(busy.to_string()))?;
    let user = transact(store, move |tx| people::create(tx, now, (&person, hash.as_deref()), (role, true))).await?;
    output::record(&shown(&user), is_json);
    Ok(())
}

async fn find(store: &Store, named: &Named) -> Result<Person, CommandError> {
    let folded = fold(&named.username);
    let found = store.read(move |db| users::find_by_login(db, &folded)).await?;
    found.ok_or_else(|| CommandError::Refused(format!("there is no person named '{}'", named.username)))
}

async fn set_disabled(store: &Store, named: &Named, at: Option<UnixTime>) -> Result<(), CommandError> {
    let user = find(store, named).await?;
    store.write(move |tx| users::set_disabled(tx, user.id, at)).await?;
    println!("{} is {}", user.username, if at.is_some() { "disabled" } else { "enabled" });
    Ok(())
}

async fn reset_password(store: &Store, now: UnixTime, config: &Config, named: &Named) -> Result<(), CommandError> {
    let user = find(store, named).await?;
    let password = read_password()?;
    let password = NewPassword::check(password.expose(), &user.username);
    let password = password.map_err(|error| CommandError::Refused(error.to_string()))?;
    let hasher = Hasher::start(config.bcrypt_cost, 1)?;
    let hash = hasher.hash(password.secret().clone()).await;
    let hash = hash.map_err(|busy| CommandError::Refused(busy.to_string()))?;
    let id = user.id;
    store
        .write(move |tx| {
            users::set_password_hash(tx, id, &hash)?;
            revoke::everything(tx, now, id)
        })
        .await?;
    println!("{} has a new password; their sessions and the apps' tokens have ended", user.username);
    Ok(())
}

fn shown(user: &Person) -> Value {
    json!({
        "username": user.username,
        "id": user.id.uuid(),
        "email": user.email,
        "email_verified": user.email_verified_at.is_some(),
        "role": user.role.as_str(),
        "disabled": user.disabled_at.is_some(),
        "has_password": user.password_hash.is_some(),
        "created_at": user.created_at.rfc3339(),
    })
}
