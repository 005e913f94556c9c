//! The directory of all registered APIs with their scopes, with lookups by every name that a request may use.

use std::collections::HashMap;

use super::api::{Api, ApiScope};
use super::api_identifier::normal;
use super::client::Client;
use super::id::Id;
use super::scope::Scope;

/// An API with its scopes.
#[derive(Clone, Debug)]
pub struct RegisteredApi {
    pub api: Api,
    /// Whether its client is active: the client of a deleted API is not.
    pub is_active: bool,
    /// The scopes of the API, oldest first.
    pub scopes: Vec<ApiScope>,
}

/// All registered APIs, oldest first.
#[derive(Debug, Default)]
pub struct ApiDirectory {
    apis: Vec<RegisteredApi>,
    scopes: Vec<ApiScope>,
    scope: Scope,
    by_id: HashMap<Id<Api>, usize>,
    by_identifier: HashMap<String, usize>,
    by_client: HashMap<Id<Client>, usize>,
    by_address: HashMap<String, usize>,
    active_by_address: HashMap<String, usize>,
}

impl RegisteredApi {
    /// Returns the names of its scopes.
    pub fn scope(&self) -> Scope {
        together(&self.scopes)
    }

    /// Whether this scope contains a scope of the API.
    pub fn has_scope_of(&self, scope: &Scope) -> bool {
        self.scopes.iter().any(|own| scope.holds(&own.name))
    }
}

impl ApiDirectory {
    /// Returns the directory of these APIs, each with whether it is active, and of these scopes, oldest first.
    pub fn new(apis: Vec<(Api, bool)>, scopes: Vec<ApiScope>) -> Self {
        let mut directory = Self::default();
        for (index, (api, is_active)) in apis.into_iter().enumerate() {
            directory.by_id.insert(api.id, index);
            directory.by_identifier.insert(api.identifier.clone(), index);
            directory.by_client.insert(api.client_key, index);
            // Two APIs may have been registered before their identifiers counted as equal: the older one is found.
            let address = normal(&api.identifier);
            if is_active {
                directory.active_by_address.entry(address.clone()).or_insert(index);
            }
            directory.by_address.entry(address).or_insert(index);
            directory.apis.push(RegisteredApi { api, is_active, scopes: Vec::new() });
        }
        for scope in &scopes {
            if let Some(index) = directory.by_id.get(&scope.api_id) {
                directory.apis[*index].scopes.push(scope.clone());
            }
        }
        directory.scope = together(&scopes);
        directory.scopes = scopes;
        directory
    }

    /// Returns all APIs, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &RegisteredApi> {
        self.apis.iter()
    }

    /// Returns all scopes of all APIs, oldest first.
    pub fn scopes(&self) -> &[ApiScope] {
        &self.scopes
    }

    /// Returns the names of all scopes of all APIs.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Returns the API of this row.
    pub fn find(&self, id: Id<Api>) -> Option<&RegisteredApi> {
        self.by_id.get(&id).map(|index| &self.apis[*index])
    }

    /// Returns the API that authenticates with the credentials of this client.
    pub fn find_by_client(&self, client: Id<Client>) -> Option<&RegisteredApi> {
        self.by_client.get(&client).map(|index| &self.apis[*index])
    }

    /// Returns the API whose identifier was registered in exactly this spelling.
    pub fn find_by_identifier(&self, identifier: &str) -> Option<&RegisteredApi> {
        self.by_identifier.get(identifier).map(|index| &self.apis[*index])
    }

    /// Returns the API that a request names, by the registered spelling of its identifier or by an equivalent one.
    pub fn find_named(&self, named: &str) -> Option<&RegisteredApi> {
        let exact = self.find_by_identifier(named);
        exact.or_else(|| self.by_address.get(&normal(named)).map(|index| &self.apis[*index]))
    }

    /// Returns the active API with this identifier in its normal form.
    pub fn find_active_at(&self, address: &str) -> Option<&RegisteredApi> {
        self.active_by_address.get(address).map(|index| &self.apis[*index])
    }

    /// Returns the APIs that these scopes belong to, one for each scope that belongs to an API.
    pub fn list_owners_of_scopes(&self, names: &[&str]) -> Vec<&Api> {
        let named = self.scopes.iter().filter(|scope| names.contains(&scope.name.as_str()));
        named.filter_map(|scope| self.find(scope.api_id)).map(|found| &found.api).collect()
    }
}

fn together(scopes: &[ApiScope]) -> Scope {
    let names = scopes.iter().map(|scope| scope.name.as_str()).filter(|name| name.parse::<Scope>().is_ok());
    names.collect::<Vec<_>>().join(" ").parse().unwrap_or_default()
}
