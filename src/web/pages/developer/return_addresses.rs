//! Login return URLs for their owner: what each URL permits, and the exact address with the answer.

use actix_web::HttpRequest;
use url::form_urlencoded::Serializer;

use super::lines;
use crate::domain::client::{Client, LoginDelivery};
use crate::domain::host_proof::{HostProof, ProvableOrigin};
use crate::domain::login_return_url::LoginReturnUrl;
use crate::domain::registration::FieldProblem;
use crate::oauth::parameters::Parameters;

/// The query parameter that prefills a login return URL.
const OFFER: &str = "login_return_url";
/// The example URL that is shown until one is entered.
const EXAMPLE: &str = "https://app.example/signed-in";
/// The notice for a person who followed a link that prefills the form.
pub const NOTICE: &str = "A link filled in a login return URL. Save it only if that page belongs to your app.";

/// The return URL with its answer, for each way of delivery.
#[derive(Clone, Debug)]
pub struct ComesBack {
    /// The token in the query, as `?token=`.
    pub query: String,
    /// The token in the fragment, which login.js reads.
    pub fragment: String,
    /// A login code in the fragment, which login.js exchanges.
    pub code: String,
}

impl ComesBack {
    /// Returns the addresses for the first valid URL in a text area.
    pub fn for_first(addresses: &str) -> Self {
        let first = addresses.lines().find_map(|line| line.trim().parse::<LoginReturnUrl>().ok());
        let example = || EXAMPLE.parse::<LoginReturnUrl>().ok();
        let to = |delivery| first.clone().or_else(example).map(|url| comes_back(&url, delivery)).unwrap_or_default();
        Self { query: to(LoginDelivery::Query), fragment: to(LoginDelivery::Fragment), code: to(LoginDelivery::Code) }
    }
}

/// Returns the return URL with its answer. login.js sends a `state`, which the answer repeats.
fn comes_back(url: &LoginReturnUrl, delivery: LoginDelivery) -> String {
    let answer: &[(&str, &str)] = match delivery {
        LoginDelivery::Query => &[("token", "TOKEN")],
        LoginDelivery::Fragment => &[("token", "TOKEN"), ("state", "STATE")],
        LoginDelivery::Code => &[("login_code", "CODE"), ("state", "STATE")],
    };
    url.address().with_answer(delivery, answer)
}

/// A login return URL in the list.
#[derive(Clone, Debug)]
pub struct ReturnRow {
    pub address: String,
    /// Whether it permits all addresses below it.
    pub is_folder: bool,
    /// The return URL with its answer.
    pub comes_back: String,
    pub host: String,
    /// Whether the owner has proven the host; `None` when the host cannot be proven.
    pub is_proven: Option<bool>,
}

/// Returns the login return URLs of an application, with the proofs of its owner.
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

/// Returns the query of a link that prefills a login return URL.
pub fn offer(url: &LoginReturnUrl) -> String {
    Serializer::new(String::new()).append_pair(OFFER, &url.to_string()).finish()
}

/// Returns the login return URL that a link prefills, when it is valid.
pub fn offered(request: &HttpRequest) -> Option<LoginReturnUrl> {
    Parameters::parse(request.query_string().as_bytes()).ok()?.get(OFFER)?.parse().ok()
}

/// Adds the prefilled URL to the URLs of a text area.
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

/// Returns the delivery for the form; empty while the application has no login return URL, so that the owner
/// must select it.
pub fn delivery_of(client: &Client) -> String {
    let is_used = !client.login_return_urls.is_empty();
    if is_used { client.login_delivery.as_str().to_owned() } else { String::new() }
}

/// Parses the delivery. Returns the previous delivery with a problem when the field is invalid. The field is
/// required as soon as there is a login return URL.
pub fn delivery_in(form: &Parameters, before: &Client) -> (LoginDelivery, Option<FieldProblem>) {
    let is_used = !before.login_return_urls.is_empty();
    read_delivery(form, before.login_delivery, is_used)
}

/// Parses the delivery of a new application, like [`delivery_in`].
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
