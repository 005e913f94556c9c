//! Tokens that people hold, got and sent as programs of the two platforms do it.

use actix_web::http::Method;
use gatepost::domain::access_list::Tier;
use gatepost::domain::id::Id;
use gatepost::domain::registration::Draft;
use gatepost::domain::resource::{Resource, ResourceShare};
use gatepost::domain::user::User;
use gatepost::store::{clients, resources};
use serde_json::{Value, json};

use super::browser::Browser;
use super::http::{Answer, Http, encode, parameter};
use super::pages::{RETURN_URL, returns_to};
use super::{PASSWORD, Server, confidential, execute};

/// Where the first platform's personal tokens are made, listed and ended.
pub const ACCESS_TOKENS: &str = "/v3/account/security/accessToken";
/// Where a generator makes studio tokens.
pub const MINT: &str = "/spatialstudio/oauth/v1/user/token";
/// The second platform's door for browsers.
pub const STUDIO_SESSION: &str = "/spatialstudio/api/v1/user";
/// The API whose scope no door of ours knows.
pub const TILES: &str = "https://tiles.example";

/// A program that sends JSON, with a token or without one.
#[derive(Clone)]
pub struct Program {
    http: Http,
    token: Option<String>,
}

impl Program {
    /// The token that it sends.
    pub fn token(&self) -> &str {
        self.token.as_deref().expect("because this program was given one")
    }

    /// Sends a request; `null` is an empty body.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let bearer = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let mut headers = headers.to_vec();
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        let text = if body.is_null() { String::new() } else { body.to_string() };
        if !text.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        self.http.send(method, path, &headers, text).await
    }

    /// Asks.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], &Value::Null).await
    }

    /// Sends a body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, &[], body).await
    }

    /// Asks to delete.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], &Value::Null).await
    }

    /// Makes a personal token with this access list, without an end.
    pub async fn make_token(&self, access_list: Value) -> Value {
        let body = json!({ "description": "wfs for desk", "accessList": access_list, "scope": "all" });
        self.post(ACCESS_TOKENS, &body).await.success()
    }
}

impl Answer {
    /// The body of a success, which is exactly 200 (the platform's clients take nothing else).
    pub fn success(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }

    /// A success without a body, as a proxy gets it.
    pub fn success_without_body(&self) {
        assert_eq!((self.status, self.body.len()), (200, 0), "{}", self.text());
    }

    /// The `message` of a refusal with this status: JSON with a sentence and a code.
    pub fn refusal(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        let body = self.json();
        let message = body["message"].as_str().unwrap_or_else(|| panic!("no message in {body}"));
        assert!(!message.is_empty() && body["error"].is_string(), "{body}");
        message.to_owned()
    }

    /// The text of a member of the body.
    pub fn member(&self, name: &str) -> String {
        let body = self.success();
        body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned()
    }
}

impl Browser {
    /// A request of a script on a page of ours.
    pub async fn script(&mut self, method: Method, path: &str, body: &Value) -> Answer {
        let headers = [("sec-fetch-site", "same-origin"), ("content-type", "application/json")];
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.bare(method, path, &headers, &text).await
    }

    /// The generator of who is signed in, as its page reads it.
    pub async fn generator(&mut self) -> String {
        let path = format!("{STUDIO_SESSION}/generatortoken");
        self.script(Method::GET, &path, &Value::Null).await.member("token")
    }
}

/// The four parameters of a studio token, as one address.
pub fn mint_path(name: &str, valid_time: &str, (action, resource_type): (&str, &str)) -> String {
    let query = [("name", name), ("validTime", valid_time), ("action", action), ("resourceType", resource_type)];
    format!("{MINT}?{}", encode(&query))
}

/// One token of every kind that opens doors, all of one person.
pub struct Held {
    /// By the person's own password.
    pub whole: String,
    /// By the login redirect, for an app of a stranger.
    pub redirected: String,
    /// By the login redirect, for an app that the operator runs.
    pub first_party: String,
    /// OAuth, with `projects`.
    pub oauth: String,
    /// OAuth, for the scope of another API only.
    pub foreign: String,
    /// A list with one resource, `map`, to edit.
    pub personal: String,
    /// Everything, to read and write.
    pub studio: String,
    /// The generator.
    pub generator: String,
    /// For the fileset `tiles-7`.
    pub fileset: String,
}

impl Held {
    /// All of them, with a name for messages.
    pub fn each(&self) -> [(&'static str, &str); 9] {
        [
            ("whole", &self.whole),
            ("redirected", &self.redirected),
            ("first party", &self.first_party),
            ("oauth", &self.oauth),
            ("foreign", &self.foreign),
            ("personal", &self.personal),
            ("studio", &self.studio),
            ("generator", &self.generator),
            ("fileset", &self.fileset),
        ]
    }
}

impl Server {
    /// A program without a token.
    pub fn nobody(&self) -> Program {
        Program { http: self.http.clone(), token: None }
    }

    /// A program with this token.
    pub fn program(&self, token: &str) -> Program {
        Program { token: Some(token.to_owned()), ..self.nobody() }
    }

    /// A program that logs in with a person's password.
    pub async fn log_in(&self, username: &str) -> Program {
        let body = json!({ "username": username, "password": PASSWORD });
        self.program(&self.nobody().post("/v3/account/login", &body).await.member("token"))
    }

    /// A studio token of the pair, for ever.
    pub async fn studio_token(&self, generator: &str, pair: (&str, &str)) -> String {
        self.program(generator).post(&mint_path("embed", "-1", pair), &Value::Null).await.member("token")
    }

    /// A new person with one token of every kind, and the browser that they sit at.
    pub async fn one_of_each(&self, username: &str) -> (Browser, Held) {
        let mut browser = self.signed_in(username).await;
        let whole = self.log_in(username).await;
        self.application(returns_to(&[RETURN_URL])).await;
        let house = self.application(returns_to(&["https://house.example/in"])).await.client.id;
        self.write(move |tx| clients::set_first_party(tx, house, true)).await;
        self.api(TILES, &["tiles: see your tiles"], false).await;
        let tiles = Draft { scope: Some("tiles".to_owned()), ..confidential() };
        let (app, viewer) = (self.application(confidential()).await, self.application(tiles).await);
        let in_query = |location: String| parameter(&location, "token").expect("because the person agreed");
        let personal = whole.make_token(json!([{ "pathId": "map", "access": { "accessTier": "edit" } }])).await;
        let generator = browser.generator().await;
        let fileset = json!({ "name": "tiles", "fileset": "tiles-7", "validTime": -1 });
        let fileset = browser.script(Method::POST, &format!("{STUDIO_SESSION}/filesettoken"), &fileset).await;
        let held = Held {
            redirected: in_query(browser.come_back_to(RETURN_URL).await),
            first_party: in_query(browser.come_back_to("https://house.example/in").await),
            oauth: app.tokens(&mut browser).await.access_token,
            foreign: viewer.tokens(&mut browser).await.access_token,
            personal: personal["token"].as_str().expect("because it was just made").to_owned(),
            studio: self.studio_token(&generator, ("read_write", "all")).await,
            generator,
            fileset: fileset.member("token"),
            whole: whole.token().to_owned(),
        };
        (browser, held)
    }

    /// Registers a resource of the platform.
    pub async fn resource(&self, path: &str, parent: Option<&str>, owner: &User) {
        let (path, parent, owner_id, now) = (path.to_owned(), parent.map(str::to_owned), owner.id, self.now());
        self.write(move |tx| {
            let parent_id = match &parent {
                Some(parent) => resources::find(tx, parent)?.map(|parent| parent.id),
                None => None,
            };
            let (id, path) = (Id::next(now), path.clone());
            let made = Resource { id, path, parent_id, owner_id, created_at: now, public_tier: None };
            resources::insert(tx, &made)
        })
        .await;
    }

    /// Shares a registered resource with somebody, or takes the share back.
    pub async fn share(&self, path: &str, with: &User, tier: Option<Tier>) {
        let (path, user_id, now) = (path.to_owned(), with.id, self.now());
        self.write(move |tx| {
            let found = resources::find(tx, &path)?;
            let resource_id = found.expect("because the test registered it").id;
            match tier {
                Some(tier) => resources::share(tx, &ResourceShare { id: Id::next(now), resource_id, user_id, tier }),
                None => resources::unshare(tx, resource_id, user_id).map(drop),
            }
        })
        .await;
    }

    /// Gives a person another role, as an operator would.
    pub async fn set_role(&self, person: &User, role: &str) {
        let sql = format!("UPDATE users SET role = '{role}' WHERE id = {}", person.id.number());
        self.write(move |tx| execute(tx, &sql)).await;
    }
}
