//! What the journeys through our pages share: log-in addresses, the page that asks before somebody is
//! sent away, and a look into the tables.

use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl};
use gatepost::domain::client::{ClientType, LoginDelivery};
use gatepost::domain::registration::Draft;
use gatepost::store::{Database, StoreError};
use url::Url;

use super::Server;
use super::browser::Browser;
use super::html::Page;
use super::http::encode;

/// The return URL that [`returns_to`] is mostly given.
pub const RETURN_URL: &str = "https://app.example/in";

/// A draft of an application that people log in to by the redirect, with the token in the query.
pub fn returns_to(urls: &[&str]) -> Draft {
    let login_return_urls = urls.iter().map(|url| (*url).to_owned()).collect();
    Draft { login_return_urls, ..Draft::new("Map studio", ClientType::Confidential) }
}

/// The same, with the token in the fragment.
pub fn returns_in_fragment(urls: &[&str]) -> Draft {
    Draft { login_delivery: LoginDelivery::Fragment, ..returns_to(urls) }
}

/// The log-in address that comes back to `referer`.
pub fn log_in_path(referer: &str) -> String {
    log_in_path_with(referer, &[])
}

/// The log-in address that comes back to `referer`, with more parameters.
pub fn log_in_path_with(referer: &str, others: &[(&str, &str)]) -> String {
    let pairs: Vec<(&str, &str)> = [("referer", referer)].iter().chain(others).copied().collect();
    format!("/logIn?{}", encode(&pairs))
}

/// The values of an answer in an address's fragment.
pub fn in_fragment(location: &str, name: &str) -> Option<String> {
    let url = Url::parse(location).expect("because a redirect goes to a whole address");
    let fragment = url.fragment().unwrap_or_default().to_owned();
    url::form_urlencoded::parse(fragment.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

impl Page {
    /// Whether this is the page that asks before somebody is sent away with a token.
    pub fn asks_to_continue(&self) -> bool {
        self.away.is_none() && self.status == 200 && self.heading() == "Continue to this address?"
    }
}

impl Browser {
    /// Presses the button that allows, on the page that asks before somebody is sent away.
    pub async fn press_continue(&mut self, page: &Page) -> Page {
        assert!(page.asks_to_continue(), "{}: {}", page.url, page.text());
        self.submit(page.decision("allow")).await
    }

    /// Shows the password again, before what needs a young proof.
    pub async fn confirm(&mut self) {
        let page = self.open("/account/confirm?next=/account").await;
        let page = self.submit(page.form_with("Go on").fill("password", super::PASSWORD)).await;
        assert_eq!(page.heading(), "Your account", "{}", page.text());
    }

    /// Comes back to `referer` by the log-in redirect, clicking where that is asked. A path of ours is opened as it is.
    pub async fn come_back_to(&mut self, referer: &str) -> String {
        let path = if referer.starts_with('/') { referer.to_owned() } else { log_in_path(referer) };
        let page = self.open(&path).await;
        let page = if page.away.is_some() { page } else { self.press_continue(&page).await };
        page.away().to_owned()
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// What `SELECT count(*) FROM …` says; `rest` is the table and its conditions.
pub fn count_in(tx: &mut Database, rest: &str) -> Result<i64, StoreError> {
    let found: Number =
        gatepost::on!(tx, |c| diesel::sql_query(format!("SELECT count(*) AS number FROM {rest}")).get_result(c))?;
    Ok(found.number)
}

impl Server {
    /// How many rows a table has: `rest` is the table and its conditions.
    pub async fn count(&self, rest: &str) -> i64 {
        let rest = rest.to_owned();
        self.read(move |db| count_in(db, &rest)).await
    }

    /// The status with which `GET /v3/account` answers a token.
    pub async fn account_status(&self, token: &str) -> u16 {
        self.http.get_with_token("/v3/account", token).await.status
    }
}
