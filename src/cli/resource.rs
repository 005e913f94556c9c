//! `gatepost resource …`: registers the platform's resources and their shares, for platforms that report them.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{CommandError, output, start};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::access_list::Tier;
use crate::domain::id::Id;
use crate::domain::user::{User, fold};
use crate::outcome::{Error, transact};
use crate::store::{Database, Store, users};
use crate::tokens::resources::{self, Place, ResourceRefusal, SharedResource};

/// The subcommands of `gatepost resource`.
#[derive(Subcommand)]
pub enum Resource {
    /// Register a resource: tokens never go further on it than their owner may.
    Create(Create),
    /// Let a person, or the public, into a resource and all that lies in it, or change how far.
    Share(Share),
    /// Take back what a person, or the public, holds on a resource.
    Unshare(Unshare),
    /// List all resources.
    List,
}

/// The resource that a command is about.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Named {
    /// Its id at the platform.
    #[arg(value_name = "ID")]
    named: Option<String>,
    /// The same as ID, for an id that begins with a hyphen.
    #[arg(long)]
    id: Option<String>,
}

impl Named {
    fn id(self) -> String {
        self.named.or(self.id).unwrap_or_default()
    }
}

/// The person, or the public, that a command grants or withdraws access.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct PersonArgument {
    /// The user name of the person.
    #[arg(long)]
    user: Option<String>,
    /// Everybody: reading it needs no token.
    #[arg(long)]
    public: bool,
}

/// Arguments of `gatepost resource create`.
#[derive(Args)]
pub struct Create {
    #[command(flatten)]
    resource: Named,
    /// The id of what it lies in.
    #[arg(long)]
    parent: Option<String>,
    /// The user name of whose it is.
    #[arg(long, value_name = "USER")]
    owner: String,
}

/// Arguments of `gatepost resource share`.
#[derive(Args)]
pub struct Share {
    #[command(flatten)]
    resource: Named,
    #[command(flatten)]
    whom: PersonArgument,
    /// How far: view, viewPlus, share, fullView, edit, editPlus or admin; view or viewPlus for the public.
    #[arg(long)]
    tier: String,
}

/// Arguments of `gatepost resource unshare`.
#[derive(Args)]
pub struct Unshare {
    #[command(flatten)]
    resource: Named,
    #[command(flatten)]
    whom: PersonArgument,
}

/// How many resources are read at once.
const PAGE: i64 = 1_000;

impl From<Error<ResourceRefusal>> for CommandError {
    fn from(error: Error<ResourceRefusal>) -> Self {
        match error {
            Error::Failed(error) => Self::Store(error),
            Error::Refused(refusal) => Self::Refused(refusal.to_string()),
        }
    }
}

/// Runs one of the `resource` commands.
///
/// # Errors
/// When the database cannot be used, or when the command is refused.
pub async fn run(command: Resource, config: Config, is_json: bool) -> Result<(), CommandError> {
    let (store, _) = start::store(&config, &Clock::System).await?;
    let now = Clock::System.now();
    match command {
        Resource::Create(new) => {
            let owner = person(&store, &new.owner).await?;
            let place = Place { path: new.resource.id(), parent: new.parent, owner: owner.id };
            let made = transact(&store, move |tx| resources::create(tx, now, &place)).await?;
            output::record(&json!({ "id": made.path, "owner": owner.username }), is_json)
        }
        Resource::Share(share) => {
            let tier: Tier = share.tier.parse().map_err(|error: crate::domain::access_list::InvalidAccessList| {
                CommandError::Refused(error.to_string())
            })?;
            let id = share.resource.id();
            let path = id.clone();
            let shown = match share.whom.user {
                Some(name) => {
                    let user = person(&store, &name).await?;
                    transact(&store, move |tx| resources::share(tx, now, &path, (user.id, tier))).await?;
                    json!({ "id": id, "user": name, "tier": tier.as_str() })
                }
                None => {
                    transact(&store, move |tx| resources::publish(tx, &path, tier)).await?;
                    json!({ "id": id, "public": tier.as_str() })
                }
            };
            output::record(&shown, is_json)
        }
        Resource::Unshare(share) => {
            let id = share.resource.id();
            let path = id.clone();
            let (shown, whom) = match share.whom.user {
                Some(name) => {
                    let user = person(&store, &name).await?;
                    transact(&store, move |tx| resources::unshare(tx, &path, user.id)).await?;
                    (json!({ "id": id, "user": name, "tier": null }), name)
                }
                None => {
                    transact(&store, move |tx| resources::unpublish(tx, &path)).await?;
                    (json!({ "id": id, "public": null }), "the public".to_owned())
                }
            };
            output::done(&shown, &format!("{whom} no longer holds anything on {id}"), is_json)
        }
        Resource::List => output::list(&all(&store).await?, is_json),
    }
}

async fn all(store: &Store) -> Result<Vec<Value>, CommandError> {
    let (mut all, mut after) = (Vec::new(), None::<String>);
    loop {
        let from = after.clone();
        let page = store
            .read(move |db| {
                let page = resources::list(db, from.as_deref(), PAGE)?;
                page.into_iter().map(|shared| shown(db, shared)).collect::<Result<Vec<_>, _>>()
            })
            .await?;
        let is_last = page.len() < usize::try_from(PAGE).unwrap_or_default();
        after = page.last().and_then(|last| last["id"].as_str()).map(str::to_owned);
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

fn name(db: &mut Database, id: Id<User>) -> crate::store::Result<String> {
    Ok(users::find(db, id)?.map_or_else(|| id.uuid(), |user| user.username))
}

fn shown(db: &mut Database, shared: SharedResource) -> crate::store::Result<Value> {
    let owner = name(db, shared.resource.owner_id)?;
    let mut shares = Vec::new();
    for (user, tier) in shared.shares {
        shares.push(format!("{}:{}", name(db, user)?, tier.as_str()));
    }
    Ok(
        json!({ "id": shared.resource.path, "parent": shared.parent, "owner": owner, "shares": shares, "public": shared.resource.public_tier.map(Tier::as_str) }),
    )
}

async fn person(store: &Store, name: &str) -> Result<User, CommandError> {
    let folded = fold(name);
    let found = store.read(move |db| users::find_by_login(db, &folded)).await?;
    found.ok_or_else(|| CommandError::Refused(format!("there is no person named '{name}'")))
}
