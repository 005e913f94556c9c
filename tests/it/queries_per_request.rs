//! How many queries each hot request asks, once what changes rarely is known: a table. One more fails.

use actix_web::http::Method;
use gatepost::domain::api::TokenFormat;
use gatepost::domain::client::GrantType;
use gatepost::domain::registration::Draft;
use gatepost::store::Queries;

use crate::harness::application::{Application, basic};
use crate::harness::http::encode;
use crate::harness::token_holders::TILES;
use crate::harness::{self, Server, confidential};

/// A request and its queries, of work that reads and of work that writes. SQLite asks the version of what is known
/// in each piece of work (one query); PostgreSQL does not, and holds the rows that SQLite's one writer has anyway.
struct Hot {
    name: &'static str,
    sqlite: Queries,
    postgres: Queries,
}

const fn hot(name: &'static str, sqlite: [u64; 2], postgres: [u64; 2]) -> Hot {
    let [read, write] = sqlite;
    let sqlite = Queries { read, write };
    let [read, write] = postgres;
    Hot { name, sqlite, postgres: Queries { read, write } }
}

const TABLE: &[Hot] = &[
    hot("introspection by the application", [2, 0], [1, 0]),
    hot("introspection by the API", [2, 0], [1, 0]),
    hot("introspection of a JWT", [2, 0], [1, 0]),
    hot("introspection of noise", [1, 0], [0, 0]),
    hot("/auth/check", [2, 0], [1, 0]),
    hot("client credentials", [1, 3], [0, 2]),
    hot("client credentials as a JWT", [2, 3], [0, 2]),
    hot("refresh", [2, 5], [1, 4]),
    hot("metadata", [1, 0], [0, 0]),
    hot("OpenID metadata", [1, 0], [0, 0]),
    hot("keys", [1, 0], [0, 0]),
    hot("log-in page", [0, 0], [0, 0]),
];

struct Scene {
    server: Server,
    api: Application,
    app: Application,
    signing: Application,
    token: String,
    signed: String,
    refresh_token: String,
}

impl Scene {
    async fn begin() -> Self {
        let server = harness::spawn().await;
        let api = server.api(TILES, &["tiles: See tiles"], false).await;
        server.api_with("https://signed.example", &["signed: Sign"], (false, TokenFormat::Jwt)).await;
        let grant_types = vec![GrantType::AuthorizationCode, GrantType::ClientCredentials, GrantType::RefreshToken];
        let app = Draft { grant_types, scope: Some("tiles projects".to_owned()), ..confidential() };
        let signing = Draft {
            grant_types: vec![GrantType::ClientCredentials],
            scope: Some("signed".to_owned()),
            name: "Signing".to_owned(),
            ..confidential()
        };
        let (app, signing) = (server.application(app).await, server.application(signing).await);
        let mut alice = server.signed_in("alice").await;
        let tokens = app.tokens(&mut alice).await;
        let signed = signing.post("/oauth/token", &[("grant_type", "client_credentials")]).await;
        let (token, refresh_token) = (tokens.access_token.clone(), tokens.refresh().to_owned());
        Self { server, api, app, signing, token, signed: signed.member("access_token"), refresh_token }
    }

    async fn ask(&mut self, name: &str) {
        let itself = [("grant_type", "client_credentials"), ("scope", "tiles")];
        let answer = match name {
            "introspection by the application" => self.app.post("/oauth/introspect", &[("token", &self.token)]).await,
            "introspection by the API" => self.api.post("/oauth/introspect", &[("token", &self.token)]).await,
            "introspection of a JWT" => self.signing.post("/oauth/introspect", &[("token", &self.signed)]).await,
            "introspection of noise" => self.app.post("/oauth/introspect", &[("token", "noise")]).await,
            "/auth/check" => {
                let authorization = format!("Bearer {}", self.token);
                let headers = [
                    ("authorization", authorization.as_str()),
                    ("x-original-method", "GET"),
                    ("x-original-uri", "/maps"),
                ];
                self.server.http.send(Method::GET, "/auth/check", &headers, String::new()).await
            }
            "client credentials" => {
                let basic = basic(self.app.client_id(), self.app.secret());
                let headers =
                    [("authorization", basic.as_str()), ("content-type", "application/x-www-form-urlencoded")];
                self.server.http.send(Method::POST, "/oauth/token", &headers, encode(&itself)).await
            }
            "client credentials as a JWT" => self.signing.post("/oauth/token", &itself[..1]).await,
            "refresh" => {
                let form = [("grant_type", "refresh_token"), ("refresh_token", self.refresh_token.as_str())];
                let answer = self.app.post("/oauth/token", &form).await;
                self.refresh_token = answer.member("refresh_token");
                answer
            }
            "metadata" => self.server.http.get("/.well-known/oauth-authorization-server").await,
            "OpenID metadata" => self.server.http.get("/.well-known/openid-configuration").await,
            "keys" => self.server.http.get("/oauth/jwks").await,
            "log-in page" => self.server.http.get("/login").await,
            other => panic!("there is no request {other}"),
        };
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    }
}

#[actix_web::test]
async fn a_hot_request_asks_no_more_queries_than_it_needs() {
    let mut scene = Scene::begin().await;
    let mut differences = Vec::new();
    for hot in TABLE {
        for _ in 0..2 {
            scene.ask(hot.name).await;
        }
        let expected = if scene.server.app.store.is_shared() { hot.postgres } else { hot.sqlite };
        // On a loaded machine PostgreSQL's watch may be late, and rows are read: then it is measured again.
        let mut asked = Queries::default();
        for _ in 0..20 {
            scene.server.know_what_changed().await;
            let before = scene.server.app.store.queries();
            scene.ask(hot.name).await;
            let after = scene.server.app.store.queries();
            asked = Queries { read: after.read - before.read, write: after.write - before.write };
            if asked == expected {
                break;
            }
        }
        if asked != expected {
            differences.push(format!("{}: {asked:?} instead of {expected:?}", hot.name));
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}
