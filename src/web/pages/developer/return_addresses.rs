//! Login return URLs as their owner reads and writes them: what each means, and the exact address that comes back.

use actix_web::HttpRequest;
use url::form_urlencoded::Serializer;

use super::lines;
use crate::domain::client::{Client, LoginDelivery};
use crate::domain::host_proof::{HostProof, ProvableOrigin};
use crate::domain::login_return_url::LoginReturnUrl;
use crate::domain::registration::FieldProblem;
use crate::oauth::parameters::Parameters;

/// What a link may fill in.
const OFFER: &str = "login_return_url";
/// What stands for an address until one is written.
const EXAMPLE: &str = "https://app.example/signed-in";
/// What a person who followed such a link should look at.
pub const NOTICE: &str = "A link filled in a login return URL. Save it only if that page belongs to your app.";

/// The exact address that comes back, for each way in which a page may read its token.
#[derive(Clone, Debug)]
pub struct ComesBack {
    /// With `?token=`.
    pub query: String,
    /// With login.js, after a `#`.
    pub fragment: String,
    /// With login.js, as a code.
    pub code: String,
}

impl ComesBack {
    /// For the first address in a text area that can be read.
    pub fn for_first(addresses: &str) -> Self {
        let first = addresses.lines().find_map(|line| line.trim().parse::<LoginReturnUrl>().ok());
        let example = || EXAMPLE.parse::<LoginReturnUrl>().ok();
        let to = |delivery| first.clone().or_else(example).map(|url| comes_back(&url, delivery)).unwrap_or_default();
        Self { query: to(LoginDelivery::Query), fragment: to(LoginDelivery::Fragment), code: to(LoginDelivery::Code) }
    }
}

/// The exact address that comes back. login.js sends a `state`, which comes back too.
fn comes_back(url: &LoginReturnUrl, delivery: LoginDelivery) -> String {
    let answer: &[(&str, &str)] = match delivery {
        LoginDelivery::Query => &[("token", "TOKEN")],
        LoginDelivery::Fragment => &[("token", "TOKEN"), ("state", "STATE")],
        LoginDelivery::Code => &[("login_code", "CODE"), ("state", "STATE")],
    };
    url.address().with_answer(delivery, answer)
}

/// One login return URL.
#[derive(Clone, Debug)]
pub struct ReturnRow {
    /// The address.
    pub address: String,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// The exact address that comes back.
    pub comes_back: String,
    /// Its host.
    pub host: String,
    /// Whether the owner has proven that host; nothing when it cannot be proven.
    pub is_proven: Option<bool>,
}

/// An application's login return URLs, with what its owner has proven.
pub fn rows(client: &Client, proofs: &[HostProof]) -> Vec<ReturnRow> {
    let row = |url: LoginReturnUrl| {
        let origin = url.address().origin();
        let is_proven = || proofs.iter().any(|proof| proof.origin == origin);
        ReturnRow {
            address: url.address().as_str().to_owned(),
            is_folder: url.is_folder(),
            comes_back: comes_back(&url, client.login_delivery),
            host: url.address().host(),
            is_proven: ProvableOrigin::of(&origin).map(|_provable| is_proven()),
        }
    };
    client.return_urls().map(row).collect()
}

/// The query of a link that fills an address in.
pub fn offer(url: &LoginReturnUrl) -> String {
    Serializer::new(String::new()).append_pair(OFFER, &url.to_string()).finish()
}

/// What a link fills in, if it can be registered.
pub fn offered(request: &HttpRequest) -> Option<LoginReturnUrl> {
    Parameters::parse(request.query_string().as_bytes()).ok()?.get(OFFER)?.parse().ok()
}

/// The addresses of a text area with what a link fills in below them.
pub fn with_offer(addresses: String, offered: Option<&LoginReturnUrl>) -> String {
    match offered.map(LoginReturnUrl::to_string) {
        Some(offered) if !addresses.lines().any(|line| line == offered) => {
            if addresses.is_empty() {
                offered
            } else {
                format!("{addresses}\n{offered}")
            }
        }
        _ => addresses,
    }
}

/// How an application gets its tokens, as its form shows it: nothing is chosen before somebody is sent anywhere.
pub fn delivery_of(client: &Client) -> String {
    let is_used = !client.login_return_urls.is_empty();
    if is_used { client.login_delivery.as_str().to_owned() } else { String::new() }
}

/// How the owner says that the page gets its token, or how it stays with what is wrong; `before` is what was so. It
/// has to be said once there is an address.
pub fn delivery_in(form: &Parameters, before: &Client) -> (LoginDelivery, Option<FieldProblem>) {
    let is_used = !before.login_return_urls.is_empty();
    read_delivery(form, before.login_delivery, is_used)
}

/// The same for a new application.
pub fn new_delivery_in(form: &Parameters) -> (LoginDelivery, Option<FieldProblem>) {
    read_delivery(form, LoginDelivery::Query, false)
}

fn read_delivery(form: &Parameters, otherwise: LoginDelivery, is_known: bool) -> (LoginDelivery, Option<FieldProblem>) {
    let problem = |message: String| Some(FieldProblem { field: "login_delivery", message });
    match form.get("login_delivery").map(str::parse) {
        Some(Ok(chosen)) => (chosen, None),
        Some(Err(error)) => (otherwise, problem(format!("This {error}."))),
        None if is_known || lines(form, "login_return_urls").is_empty() => (otherwise, None),
        None => (otherwise, problem("Choose how your page gets the token.".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_that_comes_back_is_the_one_that_is_written() {
        let shown = |addresses: &str| {
            let ComesBack { query, fragment, code } = ComesBack::for_first(addresses);
            [query, fragment, code]
        };
        let base = "https://maps.example/in";
        let expected = [
            format!("{base}?token=TOKEN"),
            format!("{base}#token=TOKEN&state=STATE"),
            format!("{base}#login_code=CODE&state=STATE"),
        ];
        assert_eq!(shown(&format!("\nnonsense\n  {base}\nhttps://other.example/")), expected);
        assert_eq!(shown("=https://maps.example/a/?b=1")[0], "https://maps.example/a/?b=1&token=TOKEN");
        assert!(shown("")[0].starts_with(EXAMPLE));
    }
}
