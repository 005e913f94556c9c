//! Tokens that alice holds, got as programs get them.

use serde_json::{Value, json};
use ureq::Agent;

use super::gatepost::{Gatepost, PASSWORD};

impl Gatepost {
    /// A personal token for one resource.
    pub fn personal_token(&self, resource: &str, tier: &str, seconds: u32) -> String {
        let password = json!({ "username": "alice", "password": PASSWORD });
        let whole = member(&self.post_json("/v3/account/login", "", &password), "token");
        let list = json!([{ "pathId": resource, "access": { "accessTier": tier } }]);
        let body = json!({ "description": "nginx", "accessList": list, "validFor": seconds });
        member(&self.post_json("/v3/account/security/accessToken", &whole, &body), "token")
    }

    /// A studio token for an hour.
    pub fn studio_token(&self, action: &str, resource_type: &str) -> String {
        let cookie = self.log_in_elsewhere();
        let request = agent().get(self.at("/spatialstudio/api/v1/user/generatortoken")).header("Cookie", cookie);
        let mut answer = request.header("Sec-Fetch-Site", "same-origin").call().expect("because the server listens");
        let generator = member(&read(&mut answer), "token");
        let query = format!("name=nginx&validTime=60&action={action}&resourceType={resource_type}");
        let path = format!("/spatialstudio/oauth/v1/user/token?{query}");
        member(&self.post_json(&path, &generator, &Value::Null), "token")
    }

    /// Logs alice in with another browser; its cookie.
    pub fn log_in_elsewhere(&self) -> String {
        let form = [("username", "alice"), ("password", PASSWORD)];
        let answer = agent().post(self.at("/login")).send_form(form).expect("because the server listens");
        let cookie = answer.headers().get("set-cookie").and_then(|cookie| cookie.to_str().ok());
        cookie.and_then(|cookie| cookie.split(';').next()).expect("because alice logged in").to_owned()
    }

    /// Whether a browser with this cookie still gets to the account.
    pub fn is_logged_in(&self, cookie: &str) -> bool {
        let answer = agent().get(self.at("/account")).header("Cookie", cookie).call();
        answer.expect("because the server listens").status() == 200
    }

    /// Starts a program's log-in that waits for its person; its id.
    pub fn start_remote_session(&self) -> String {
        member(&self.post_json("/v3/account/security/remoteSession", "", &json!({})), "id")
    }

    /// Tells the server of a token that somebody found.
    pub fn report(&self, token: &str) {
        self.post_json("/credentials/revoke", "", &json!({ "credentials": [token] }));
    }

    fn post_json(&self, path: &str, token: &str, body: &Value) -> Value {
        let mut request = agent().post(self.at(path)).header("Content-Type", "application/json");
        if !token.is_empty() {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let mut answer = request.send(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        read(&mut answer)
    }
}

fn read(answer: &mut ureq::http::Response<ureq::Body>) -> Value {
    let text = answer.body_mut().read_to_string().expect("because the body is text");
    serde_json::from_str(&text).unwrap_or_default()
}

fn member(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned()
}

fn agent() -> Agent {
    Agent::config_builder().max_redirects(0).max_redirects_will_error(false).build().new_agent()
}
