//! Imports point one way only, and each library has its rooms.

use super::source::{Source, is_of_a_word};
use super::{Violation, words};

const BELOW_TOKENS: &[&str] = &["outcome", "store", "domain", "clock"];
const BELOW_OAUTH: &[&str] = &["tokens", "outcome", "store", "domain", "clock"];
/// A letter is data: who causes one writes it.
const BELOW_IDENTITY: &[&str] = &["mail", "tokens", "outcome", "store", "domain", "clock"];
const BELOW_WEB: &[&str] =
    &["oauth", "identity", "background_jobs", "mail", "config", "tokens", "outcome", "store", "domain", "clock"];
const EVERYTHING: &[&str] = &[
    "cli", "web", "oauth", "identity", "background_jobs", "mail", "config", "tokens", "outcome", "store", "domain",
    "clock", "schema",
];

/// What each room may use besides itself. `clock` takes one file of `domain`, see [`one_way_only`].
const ROOMS: &[(&str, &[&str])] = &[
    ("schema", &[]),
    ("clock", &["domain"]),
    ("domain", &["schema", "clock"]),
    ("store", &["domain", "schema", "clock"]),
    ("outcome", &["store", "domain", "clock"]),
    ("tokens", BELOW_TOKENS),
    ("oauth", BELOW_OAUTH),
    ("identity", BELOW_IDENTITY),
    ("mail", BELOW_TOKENS),
    ("config", &["oauth", "identity", "mail", "tokens", "outcome", "store", "domain", "clock"]),
    ("background_jobs", &["oauth", "identity", "mail", "config", "tokens", "outcome", "store", "domain", "clock"]),
    ("web", BELOW_WEB),
    ("cli", EVERYTHING),
    ("main", EVERYTHING),
    ("lib", EVERYTHING),
];

/// A room uses only what lies below it.
pub fn one_way_only(source: &Source) -> Vec<Violation> {
    let Some(room) = source.room() else { return Vec::new() };
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return vec![Violation::at(source, 0, format!("the room `{room}` has no place in tests/it/tidy/layers.rs"))];
    };
    let is_lawful = |import: &Import| {
        let is_column = room != "clock" || import.room != "domain" || words(import.path).nth(1) == Some("column");
        import.room == room || (allowed.contains(&import.room) && is_column)
    };
    let broken = imports(source).into_iter().filter(|import| !is_lawful(import));
    broken
        .map(|import| Violation::at(source, import.position, format!("`{room}` may not use `{}`", import.room)))
        .collect()
}

struct Import<'a> {
    position: usize,
    room: &'a str,
    path: &'a str,
}

/// The rooms that the code names, by `crate::`, by `gatepost::` (the binary), or by `super::` up to the crate.
fn imports(source: &Source) -> Vec<Import<'_>> {
    let code = source.code.as_str();
    let mut found = Vec::new();
    for (position, word) in positions_of_words(code) {
        let rest = match word {
            "crate" | "gatepost" => code[position + word.len()..].strip_prefix("::"),
            "super" => beyond_the_crate(&code[position..], source.depth()),
            _ => None,
        };
        for path in rest.map(elements).unwrap_or_default() {
            let room = words(path).next().unwrap_or_default();
            if ROOMS.iter().any(|(name, _)| *name == room) {
                found.push(Import { position, room, path });
            }
        }
    }
    found
}

/// What follows a chain of `super::` that climbs to the crate's root.
fn beyond_the_crate(chain: &str, depth: usize) -> Option<&str> {
    let mut rest = chain;
    for _ in 0..depth.max(1) {
        rest = rest.strip_prefix("super::")?;
    }
    Some(rest)
}

/// The paths that begin here: one, or those of a group in braces.
fn elements(rest: &str) -> Vec<&str> {
    let Some(group) = rest.strip_prefix('{') else {
        return vec![rest.split([';', '{', ',']).next().unwrap_or(rest)];
    };
    let (mut depth, mut start, mut paths) = (0_usize, 0, Vec::new());
    for (position, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => {
                paths.push(&group[start..position]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                paths.push(&group[start..position]);
                start = position + 1;
            }
            _ => {}
        }
    }
    paths
}

/// Every word with where it stands.
fn positions_of_words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let at = move |word: &str| word.as_ptr() as usize - code.as_ptr() as usize;
    code.split(|letter| !is_of_a_word(letter)).filter(|word| !word.is_empty()).map(move |word| (at(word), word))
}

/// Each library is named in its rooms only, and only the store opens a connection or knows which database it is.
pub fn libraries_stay_in_their_rooms(source: &Source) -> Vec<Violation> {
    let Some(room) = source.room() else { return Vec::new() };
    let mut violations = Vec::new();
    for (position, word) in positions_of_words(&source.code) {
        let (is_home, law) = match word {
            "lettre" => (room == "mail", "only `mail` names the library that sends letters"),
            "awc" => (matches!(room, "web" | "cli" | "main"), "only `web`, `cli` and `main` name actix and its client"),
            "oxide_auth" => (source.path.starts_with("src/oauth/machine/"), "only `oauth/machine/` names oxide-auth"),
            "diesel" | "diesel_migrations" | "r2d2" => (
                matches!(room, "store" | "domain" | "clock" | "schema"),
                "only `store`, and the columns of `domain`, `clock` and `schema`, name diesel",
            ),
            "AnyConnection" | "SqliteConnection" | "PgConnection" | "establish" | "libsqlite3_sys" | "pq_sys" => {
                (room == "store", "only `store` opens a connection, and asks which database it is")
            }
            _ if word.starts_with("actix_") => {
                (matches!(room, "web" | "cli" | "main"), "only `web`, `cli` and `main` name actix and its client")
            }
            _ => continue,
        };
        if !is_home {
            violations.push(Violation::at(source, position, format!("{law}; here is `{word}`")));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(law: fn(&Source) -> Vec<Violation>, path: &str, text: &str) -> Vec<String> {
        law(&Source::parse(path, text)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_import_that_points_up_or_sideways_is_found_in_every_spelling() {
        let planted = [
            ("src/domain/x.rs", "use crate::store::Database;", "`domain` may not use `store`"),
            ("src/domain/x.rs", "use super::super::store::Database;", "`domain` may not use `store`"),
            ("src/domain/mod.rs", "use super::{\n  clock, web::App};", "`domain` may not use `web`"),
            ("src/oauth/x.rs", "fn f() { crate::identity::sign_in(); }", "`oauth` may not use `identity`"),
            ("src/identity/x.rs", "use crate::{domain::{id, user}, oauth};", "`identity` may not use `oauth`"),
            ("src/store/x.rs", "pub use crate::outcome::Error;", "`store` may not use `outcome`"),
            ("src/tokens/x.rs", "use crate::oauth::scopes;", "`tokens` may not use `oauth`"),
            ("src/clock.rs", "use crate::domain::id::Id;", "`clock` may not use `domain`"),
            ("src/clock.rs", "use super::store;", "`clock` may not use `store`"),
            ("src/web/x.rs", "use crate::schema::tokens;", "`web` may not use `schema`"),
            ("src/web/x.rs", "use crate::cli::serve;", "`web` may not use `cli`"),
            ("src/kitchen/x.rs", "", "the room `kitchen` has no place in tests/it/tidy/layers.rs"),
        ];
        for (path, text, law) in planted {
            assert_eq!(broken(one_way_only, path, text), [format!("{path}:1: {law}")], "{text}");
        }
        let later =
            broken(one_way_only, "src/domain/x.rs", "//! x\n\nuse crate::clock::UnixTime;\nuse crate::store::Result;");
        assert_eq!(later, ["src/domain/x.rs:4: `domain` may not use `store`"]);
    }

    #[test]
    fn an_import_that_points_down_is_fine() {
        let lawful = [
            ("src/web/oauth/token.rs", "use crate::oauth::token; use crate::{clock::UnixTime, web::App};"),
            ("src/clock.rs", "use crate::domain::column; use chrono::Utc;"),
            ("src/store/grants.rs", "use super::{Database, Result}; use super::tokens; // crate::web"),
            ("src/oauth/machine/mod.rs", "use super::super::identity_of; const A: &str = \"crate::web\";"),
            ("src/main.rs", "use gatepost::cli;"),
            ("tests/it/x.rs", "use gatepost::store::Store;"),
        ];
        for (path, text) in lawful {
            assert!(broken(one_way_only, path, text).is_empty(), "{path}: {text}");
        }
    }

    #[test]
    fn a_library_outside_its_rooms_is_found() {
        let planted = [
            ("src/oauth/x.rs", "use actix_web::HttpRequest;"),
            ("src/identity/x.rs", "use actix_session::Session;"),
            ("src/mail/mod.rs", "fn f() { awc::Client::default(); }"),
            ("src/oauth/token/x.rs", "use oxide_auth::code_grant;"),
            ("src/web/x.rs", "use diesel::prelude::*;"),
            ("src/tokens/x.rs", "use diesel::RunQueryDsl;"),
            ("src/identity/x.rs", "use lettre::Message;"),
            ("src/domain/x.rs", "fn f(c: &mut SqliteConnection) {}"),
            ("src/background_jobs.rs", "if matches!(tx, AnyConnection::Sqlite(_)) {}"),
            ("src/cli/x.rs", "use crate::store::AnyConnection::{self, Postgres};"),
        ];
        for (path, text) in planted {
            assert_eq!(broken(libraries_stay_in_their_rooms, path, text).len(), 1, "{path}: {text}");
        }
        let lawful = [
            ("src/web/x.rs", "use actix_web::web; fn f(tx: &mut Database) {}"),
            ("src/oauth/machine/x.rs", "use oxide_auth::code_grant;"),
            ("src/oauth/x.rs", "//! Not oxide_auth.\nconst A: &str = \"diesel\";"),
            ("src/store/x.rs", "use diesel::SqliteConnection; AnyConnection::Sqlite(c)"),
        ];
        for (path, text) in lawful {
            assert!(broken(libraries_stay_in_their_rooms, path, text).is_empty(), "{path}: {text}");
        }
    }
}
