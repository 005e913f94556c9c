//! The map of the tests: one binary, a module per journey. Each test starts a whole server of its own
//! (see `harness`), on a SQLite file or, with `TEST_DATABASE_URL`, in a schema of a PostgreSQL.
//! `tidy` reads the tree itself.

mod access_lists;
mod access_rights;
mod access_tokens;
mod account_api;
mod account_changes;
mod account_pages;
mod api_errors;
mod authorization_code;
mod bad_connections;
mod cleaning;
mod consent;
mod cors;
mod crash;
mod database_trouble;
mod developer_console;
mod door_table;
mod dpop;
mod every_route;
mod forward_auth;
mod forward_auth_headers;
mod harness;
mod introspection;
mod leak;
mod login_codes;
mod login_redirect;
mod login_redirect_addresses;
mod login_redirect_tokens;
mod metadata;
mod oxide_auth_table;
mod pages_in_general;
mod private_key_jwt;
mod protocol_errors;
mod real_clients;
mod refresh;
mod register;
mod remote_sessions;
mod revocation;
mod secrets_at_rest;
mod sign_in;
mod store;
mod studio_api;
mod studio_session;
mod tidy;
mod user_token;
