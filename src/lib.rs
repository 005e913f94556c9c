//! # Gatepost, the map of the house
//!
//! An OAuth 2.0 authorization server with a login-redirect flow: one crate, one binary, one database.
//! Read this page first, then [`outcome`] (forty lines that everything hangs on), then follow the
//! request below through the rooms.
//!
//! ## The rooms
//!
//! Imports point one way only, and a test (`tests/it/tidy`) fails when one does not:
//!
//! ```text
//! web → oauth, identity → tokens, mail → outcome → store → domain → schema, clock
//! ```
//!
//! | room | what it holds | what it never does |
//! |---|---|---|
//! | [`domain`] | values, records and their rules: what would be true on paper | input or output |
//! | [`store`] | where things are kept: two databases behind [`store::Store::read`] and [`store::Store::write`], a file per table | decide anything |
//! | [`outcome`] | a refusal commits, a failure rolls back | anything else |
//! | [`tokens`] | the token model: making tokens, judging them, taking them back | know who asks, or how |
//! | [`oauth`] | what the RFCs decide; `oauth/machine` is the seam to oxide-auth | name HTTP |
//! | [`identity`] | who somebody is: passwords, sessions, signing up, the login redirect | name HTTP, or `oauth` |
//! | [`mail`] | letters: written in the transaction that causes them, sealed, sent from [`background_jobs`] | send inside a request |
//! | [`web`] | how it travels: extract, call, render; [`web::routes`] has the one table of routes | hold a rule |
//! | [`cli`], [`config`], [`background_jobs`] | starting up, the settings, what runs beside requests | |
//!
//! ## Where a line of code lives
//!
//! Ask in order; the first *yes* decides. Would it be true on paper, without HTTP, SQL or this
//! program? `domain`. Does it name a table or a transaction? `store`. Does it decide what is answered
//! or allowed? `oauth`, `identity` or `tokens`. Does it name a status, a header, a cookie, a form
//! field or a template? `web`. A line with two yeses is two lines.
//!
//! ## What always holds
//!
//! 1. **A grant is the hub.** Every code and token belongs to one row of `grants`. A token lives while
//!    it is unexpired, its grant unrevoked, its person active and its application active; one query
//!    ([`store::tokens::find_in_use`]) brings all of it, one function
//!    ([`domain::token_in_use::TokenInUse::life`]) judges it, at every use.
//! 2. **One request, one transaction, one closure.** Nothing slow happens inside: no hashing, no
//!    signing, no network. What is refused without a change is refused from a read.
//! 3. **Nothing is answered before its commit returned.** On SQLite many requests share one commit
//!    (group commit), with `synchronous = FULL`.
//! 4. **Plaintext and digest are different types.** [`domain::token::Token`] can be sent and not
//!    stored, [`domain::token::TokenDigest`] can be stored and not sent.
//! 5. **Ids are names, secrets are secrets.** A string is found by the id that it carries and judged
//!    by its digest in equal time; a wrong secret is the same answer as no row.
//! 6. **Time is an input**, read once per request from the [`clock::Clock`].
//! 7. **A rule names its RFC**, or says that it is ours.
//!
//! ## One request traced
//!
//! `POST /oauth/token` with a refresh token of a public client:
//!
//! 1. [`web::routes`] sends it to [`web::oauth::token::post`], which reads the body
//!    ([`web::body::form`]: 64 KiB, ten seconds, UTF-8), refuses repeated parameters, and parses
//!    [`oauth::client_authentication::ClientCredentials`] and [`oauth::token::TokenRequest`].
//! 2. [`outcome::consult`] asks [`oauth::token::examine`] from a read: is it the client, is the token
//!    one of ours? Most wrong requests end here, without a write.
//! 3. [`outcome::transact`] runs [`oauth::token::answer`] in the writer's transaction. The refresh
//!    grant drives oxide-auth's machine; our answers to its questions find the grant, consume the
//!    token by one conditional update, or tell a lost answer from theft.
//! 4. `Ok` and `Refused` commit (a stolen token's grant is revoked *and* the thief is refused),
//!    `Failed` rolls back; then the answer is written: [`web::oauth::token`] or [`web::error`].

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
