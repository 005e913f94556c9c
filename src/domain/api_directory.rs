//! All APIs that are registered, with their scopes, to be found by whatever a request names.

use std::collections::HashMap;

use super::api::{Api, ApiScope};
use super::api_identifier::normal;
use super::client::Client;
use super::id::Id;
use super::scope::Scope;

/// One API with what decides about it.
#[derive(Clone, Debug)]
pub struct RegisteredApi {
    /// The API.
    pub api: Api,
    /// Whether its client may act: an API that was ended has none that may.
    pub is_active: bool,
    /// Its scopes, oldest first.
    pub scopes: Vec<ApiScope>,
}

/// All APIs, oldest first.
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
    /// The names of its scopes.
    pub fn scope(&self) -> Scope {
        together(&self.scopes)
    }

    /// Whether one of its own scopes is in this one.
    pub fn has_scope_of(&self, scope: &Scope) -> bool {
        self.scopes.iter().any(|own| scope.holds(&own.name))
    }
}

impl ApiDirectory {
    /// The directory of these APIs, each with whether it is active, and of these scopes, oldest first.
    pub fn new(apis: Vec<(Api, bool)>, scopes: Vec<ApiScope>) -> Self {
        let mut directory = Self::default();
        for (index, (api, is_active)) in apis.into_iter().enumerate() {
            directory.by_id.insert(api.id, index);
            directory.by_identifier.insert(api.identifier.clone(), index);
            directory.by_client.insert(api.client_key, index);
            // Of two that were registered before they counted as one, the older is meant.
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

    /// All APIs, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &RegisteredApi> {
        self.apis.iter()
    }

    /// All scopes of all APIs, oldest first.
    pub fn scopes(&self) -> &[ApiScope] {
        &self.scopes
    }

    /// The names of all scopes of all APIs.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The API with this key.
    pub fn find(&self, id: Id<Api>) -> Option<&RegisteredApi> {
        self.by_id.get(&id).map(|index| &self.apis[*index])
    }

    /// The API that asks with this client's credentials.
    pub fn find_by_client(&self, client: Id<Client>) -> Option<&RegisteredApi> {
        self.by_client.get(&client).map(|index| &self.apis[*index])
    }

    /// The API with this identifier, as it was registered.
    pub fn find_by_identifier(&self, identifier: &str) -> Option<&RegisteredApi> {
        self.by_identifier.get(identifier).map(|index| &self.apis[*index])
    }

    /// The API that a request names, by the registered spelling of its identifier or by another one.
    pub fn find_named(&self, named: &str) -> Option<&RegisteredApi> {
        let exact = self.find_by_identifier(named);
        exact.or_else(|| self.by_address.get(&normal(named)).map(|index| &self.apis[*index]))
    }

    /// The active API at this address, in its normal form.
    pub fn find_active_at(&self, address: &str) -> Option<&RegisteredApi> {
        self.active_by_address.get(address).map(|index| &self.apis[*index])
    }

    /// The APIs that these scopes belong to, one for each scope that belongs to any.
    pub fn list_owners_of_scopes(&self, names: &[&str]) -> Vec<&Api> {
        let named = self.scopes.iter().filter(|scope| names.contains(&scope.name.as_str()));
        named.filter_map(|scope| self.find(scope.api_id)).map(|found| &found.api).collect()
    }
}

fn together(scopes: &[ApiScope]) -> Scope {
    let names = scopes.iter().map(|scope| scope.name.as_str()).filter(|name| name.parse::<Scope>().is_ok());
    names.collect::<Vec<_>>().join(" ").parse().unwrap_or_default()
}
