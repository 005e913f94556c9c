//! The table `login_return_hosts`: the hosts of each client's login return URLs, written with them.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::domain::client::Client;
use crate::domain::id::Id;
use crate::domain::login_return_url::hosts_of;
use crate::domain::space_separated::SpaceSeparated;
use crate::schema::{clients, login_return_hosts};

/// Lists the clients with a login return URL at this host, oldest first, including suspended ones; the caller
/// decides about each.
pub fn list_clients(tx: &mut Database, host: &str) -> Result<Vec<Client>> {
    let rows = login_return_hosts::table
        .inner_join(clients::table)
        .filter(login_return_hosts::host.eq(host))
        .filter(clients::deleted_at.is_null());
    Ok(on!(tx, |c| rows.order(clients::id).select(Client::as_select()).load(c))?)
}

/// Inserts the hosts of a client.
pub(super) fn insert(tx: &mut Database, client: Id<Client>, return_urls: &SpaceSeparated) -> Result<()> {
    for host in hosts_of(return_urls) {
        let row = (login_return_hosts::host.eq(host), login_return_hosts::client_key.eq(client));
        on!(tx, |c| diesel::insert_into(login_return_hosts::table).values(row).execute(c))?;
    }
    Ok(())
}

/// Deletes the hosts of a client.
pub(super) fn delete(tx: &mut Database, client: Id<Client>) -> Result<()> {
    let rows = login_return_hosts::table.filter(login_return_hosts::client_key.eq(client));
    on!(tx, |c| diesel::delete(rows).execute(c))?;
    Ok(())
}

/// Deletes the hosts of these clients.
pub(super) fn delete_of(tx: &mut Database, clients: Vec<i64>) -> Result<()> {
    let rows = login_return_hosts::table.filter(login_return_hosts::client_key.eq_any(clients));
    on!(tx, |c| diesel::delete(rows).execute(c))?;
    Ok(())
}
