//! # Gatepost: a map of the code base
//!
//! An OAuth 2.0 authorization server with a login-redirect flow: one crate, one binary, one database.
//! Read this page first, then [`outcome`] (every request ends there), then follow the request that is
//! traced below. `docs/glossary.md` explains the terms, `docs/decisions` the choices, and
//! `CONTRIBUTING.md` says how to add an endpoint, a table, a setting or a grant type.
//!
//! ## The modules
//!
//! Imports point one way only, and a test (`tests/it/tidy`) fails when one does not:
//!
//! ```text
//! web → oauth, identity → tokens, mail → outcome → store → domain → schema, clock
//! ```
//!
//! | module | contains | never does |
//! |---|---|---|
//! | [`domain`] | values and records with their rules, as pure functions | input or output |
//! | [`store`] | the queries, one file per table, for two databases; entry point: [`store::Store`] | decide anything |
//! | [`outcome`] | a refusal commits, a failure rolls back | anything else |
//! | [`tokens`] | the token model: issues tokens, judges them, revokes them | know which endpoint calls it |
//! | [`oauth`] | what the RFCs decide; `oauth/machine` is the interface to oxide-auth | name HTTP |
//! | [`identity`] | users: passwords, sessions, sign-up, second factors, login redirect | name HTTP, or `oauth` |
//! | [`mail`] | emails: written in the transaction that causes them, encrypted in the outbox | send inside a request |
//! | [`web`] | the HTTP layer: parse, call, render; [`web::routes`] has the table of routes | contain a rule |
//! | [`cli`], [`config`] | the commands with the start of the server; the settings | |
//! | [`background_jobs`] | what runs beside requests: sends emails, writes what was gathered, deletes what expired | |
//!
//! ## Where is …?
//!
//! - **Where does a replayed authorization code revoke its grant?** `replayed` in
//!   [`oauth::token::authorization_code`] calls [`tokens::revoke::stolen`] (RFC 6749 §4.1.2); the refusal
//!   commits, so the grant stays revoked. The same for a refresh token: [`oauth::token::refresh_token`];
//!   for a login code: [`identity::login_code::swap`].
//! - **Where is a `referer` judged?** [`identity::login_redirect::parse`] reads it from the query,
//!   [`identity::login_redirect::examine`] decides whether the browser may return there,
//!   [`identity::login_redirect::allow`] issues the token (`docs/decisions/0007-login-redirect.md`).
//! - **How do I add a setting?** Follow "Add a setting" in `CONTRIBUTING.md`: the key in [`config::KEYS`],
//!   its typed value in [`config::Config`], then `gatepost config show`, the README and a test.
//! - **Which rule says who may introspect?** `docs/decisions/0028-who-may-introspect.md`. In code:
//!   [`oauth::introspection::introspect`] (what the caller may see, RFC 7662) and
//!   [`tokens::audience::is_for`] (which API a token is for).
//! - **What happens when the disk is full between two answers?** The commit fails before any of its requests
//!   is answered. Each of them gets [`store::StoreError::Unavailable`], that is [`outcome::Error::Failed`]:
//!   nothing is written, and the client gets a 503 ([`web::error`]). `/readyz` ([`web::ops`]) answers 503 until
//!   a write succeeds again. Answers that were sent before stay valid
//!   (`docs/decisions/0021-group-commit.md`, `tests/it/database_trouble.rs`).
//! - **Which endpoints exist, and who may call them?** The table in [`web::routes`].
//! - **Which token may call which endpoint?** [`tokens::check::ProtectedResource`]
//!   (`docs/decisions/0027-which-token-opens-what.md`).
//! - **Where are password attempts limited?** [`identity::throttle`] (`docs/decisions/0004-throttle.md`).
//!
//! ## Where a line of code belongs
//!
//! Ask in order; the first *yes* decides:
//!
//! 1. Is it a rule about values alone, without HTTP, SQL or this program's settings? [`domain`].
//! 2. Does it name a table or a transaction? [`store`].
//! 3. Does it decide what is answered or allowed? [`oauth`], [`identity`] or [`tokens`].
//! 4. Does it name a status, a header, a cookie, a form field or a template? [`web`].
//!
//! A line that needs two of these is two lines.
//!
//! ## Invariants
//!
//! 1. **Everything issued belongs to one grant.** Every code and token belongs to one row of `grants`. A
//!    token is active while it has not expired and its grant, its user and its client are active; one query
//!    ([`store::tokens::find_in_use`]) reads all of it, one function
//!    ([`domain::token_in_use::TokenInUse::life`]) judges it, at every use.
//! 2. **One request, one transaction, one closure.** Nothing slow happens inside: no hashing, no signing,
//!    no network. A request that is refused and changes nothing is refused from a read.
//! 3. **No answer before its commit returned.** On SQLite many requests share one commit (group commit),
//!    with `synchronous = FULL`.
//! 4. **Plaintext and digest are different types.** [`domain::token::Token`] can be sent and not stored,
//!    [`domain::token::TokenDigest`] can be stored and not sent.
//! 5. **An id is not a secret.** A token is looked up by the id that it contains and compared by its digest
//!    in constant time; a wrong secret gets the same answer as an unknown id.
//! 6. **Time is an input**, read once per request from the [`clock::Clock`].
//! 7. **A rule cites its RFC**, or says that it is ours.
//!
//! ## One request traced
//!
//! `POST /oauth/token` with a refresh token of a public client:
//!
//! 1. [`web::routes`] calls [`web::oauth::token::post`], which reads the body ([`web::body::form`]: 64 KiB,
//!    ten seconds, UTF-8), refuses repeated parameters, and parses
//!    [`oauth::client_authentication::ClientCredentials`] and [`oauth::token::TokenRequest`].
//! 2. [`outcome::consult`] runs [`oauth::token::examine`] in a read: is the client authenticated, was the
//!    token issued by this server? Most wrong requests end here, without a write.
//! 3. [`outcome::transact`] runs [`oauth::token::answer`] in a write transaction. The refresh grant drives
//!    oxide-auth's machine; our answers to its questions find the grant, consume the token by one
//!    conditional update, and distinguish a client that lost its answer from a stolen token.
//! 4. `Ok` and `Refused` commit (the grant of a stolen token is revoked *and* the request is refused),
//!    `Failed` rolls back; then the answer is written: [`web::oauth::token`] or [`web::error_answers`].

#![warn(clippy::print_stdout, clippy::print_stderr, reason = "they panic when nobody reads; cli::output does not")]

pub mod background_jobs;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod identity;
pub mod mail;
pub mod oauth;
pub mod outcome;
pub mod schema;
pub mod store;
pub mod tokens;
pub mod web;
