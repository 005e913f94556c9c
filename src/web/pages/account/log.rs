//! `/account/log`: the security log of an account, newest first, as a page and as a file.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use url::form_urlencoded::Serializer;

use super::log_file;
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::security_log::SecurityEntry;
use crate::domain::security_log_text::EventSort;
use crate::domain::session::{Session, browser_in_words};
use crate::identity::session;
use crate::identity::throttle::prefix;
use crate::oauth::parameters::Parameters;
use crate::store::security_log::{self, Asked};
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::{Layout, ok};

/// The number of entries on one page.
const PAGE: i64 = 50;
/// The path of this page.
const PATH: &str = "/account/log";
/// The periods that can be chosen, in days, with their labels.
const DAYS: [(i64, &str); 3] = [(7, "Last 7 days"), (30, "Last 30 days"), (90, "Last 90 days")];

/// An option of a filter.
#[derive(Clone, Debug)]
pub struct LogChoice {
    /// The value that the form submits.
    pub value: String,
    /// The text that the person reads.
    pub label: &'static str,
    pub is_chosen: bool,
}

/// An entry of the log.
#[derive(Clone, Debug)]
pub struct LogRow {
    /// The event, as text.
    pub what: &'static str,
    /// The object of the event; empty when there is none.
    pub about: String,
    /// The time, as text.
    pub at: String,
    /// The time in the format of RFC 3339.
    pub datetime: String,
    /// The network address; empty when no request caused the event.
    pub address: String,
    /// The browser or program, as text.
    pub browser: String,
    /// Whether the address belongs to a network where the person has no session now.
    pub is_from_elsewhere: bool,
}

/// The data of the template `account/log.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/log.html")]
pub struct Log {
    pub layout: Layout,
    /// The entries of this page.
    pub entries: Vec<LogRow>,
    /// The options of the filter by kind of event.
    pub kinds: Vec<LogChoice>,
    /// The options of the filter by time.
    pub times: Vec<LogChoice>,
    /// Whether a filter is set, or this is not the first page.
    pub is_part: bool,
    /// The address of the page with older entries.
    pub older: Option<String>,
    /// The names and addresses of the downloads, from this page on.
    pub files: [(&'static str, String); 2],
}

/// The filter in the query. Unknown values are ignored.
#[derive(Clone, Copy, Debug, Default)]
struct Wanted {
    kind: Option<EventSort>,
    days: Option<i64>,
    before: Option<Id<SecurityEntry>>,
}

impl Wanted {
    fn parse(query: &Parameters) -> Self {
        let days = query.get("days").and_then(|days| days.parse::<i64>().ok());
        Self {
            kind: query.get("kind").and_then(|kind| kind.parse().ok()),
            days: days.filter(|days| DAYS.iter().any(|(known, _)| known == days)),
            before: query.get("before").and_then(|before| before.parse::<i64>().ok()).map(Id::from_number),
        }
    }

    fn asked(self, now: UnixTime) -> Asked {
        Asked {
            events: self.kind.map(EventSort::events).unwrap_or_default(),
            since: self.days.map(|days| now.plus(-days * 86_400)),
            before: self.before,
        }
    }

    /// Returns the address of this page with the same filter, in the given format.
    fn location(self, app: &App, format: Option<&str>) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(self.kind.map(|kind| ("kind", kind.as_str())));
        query.extend_pairs(self.days.map(|days| ("days", days.to_string())));
        query.extend_pairs(self.before.map(|before| ("before", before.number().to_string())));
        query.extend_pairs(format.map(|format| ("format", format)));
        let (path, query) = (app.public.path(PATH), query.finish());
        if query.is_empty() { path } else { format!("{path}?{query}") }
    }

    fn kinds(self) -> Vec<LogChoice> {
        let choice = |kind: EventSort| LogChoice {
            value: kind.as_str().to_owned(),
            label: kind.in_words(),
            is_chosen: self.kind == Some(kind),
        };
        EventSort::ALL.into_iter().map(choice).collect()
    }

    fn times(self) -> Vec<LogChoice> {
        let choice = |(days, label): (i64, &'static str)| LogChoice {
            value: days.to_string(),
            label,
            is_chosen: self.days == Some(days),
        };
        DAYS.into_iter().map(choice).collect()
    }
}

/// Shows the log, or sends it as a file.
pub async fn get(app: Data<App>, request: HttpRequest, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let query = Parameters::parse(request.query_string().as_bytes());
    let query = query?;
    let (now, wanted) = (app.now(), Wanted::parse(&query));
    match query.get("format").and_then(|format| format.parse::<log_file::Format>().ok()) {
        Some(format) => {
            let (entries, next) = read(&app, &visitor, wanted, log_file::MOST).await?;
            let next = next.map(|next| next.location(&app, Some(format.as_str())));
            Ok(log_file::answer(now, format, &entries, next.as_deref()))
        }
        None => show(&app, &visitor, wanted).await,
    }
}

/// Returns at most `most` entries, and the filter for the entries after them.
async fn read(
    app: &Data<App>,
    visitor: &Visitor,
    wanted: Wanted,
    most: i64,
) -> Result<(Vec<SecurityEntry>, Option<Wanted>), PageError> {
    let (user, asked) = (visitor.user.id, wanted.asked(app.now()));
    let mut entries = app.store.read(move |db| security_log::list(db, Some(user), &asked, most + 1)).await?;
    let most = usize::try_from(most).unwrap_or_default();
    let has_more = entries.len() > most;
    entries.truncate(most);
    let next = entries.last().filter(|_| has_more).map(|last| Wanted { before: Some(last.id), ..wanted });
    Ok((entries, next))
}

async fn show(app: &Data<App>, visitor: &Visitor, wanted: Wanted) -> Result<HttpResponse, PageError> {
    let (now, lifetimes, user) = (app.now(), app.token_settings.lifetimes, visitor.user.id);
    let (entries, next) = read(app, visitor, wanted, PAGE).await?;
    let sessions = app.store.read(move |db| session::list(db, now, &lifetimes, user)).await?;
    Ok(ok(&Log {
        layout: visitor.layout(app),
        entries: entries.into_iter().map(|entry| row(entry, (visitor, &sessions))).collect(),
        kinds: wanted.kinds(),
        times: wanted.times(),
        is_part: wanted.kind.is_some() || wanted.days.is_some() || wanted.before.is_some(),
        older: next.map(|next| next.location(app, None)),
        files: [("CSV", wanted.location(app, Some("csv"))), ("JSON", wanted.location(app, Some("json")))],
    }))
}

fn row(entry: SecurityEntry, (visitor, sessions): (&Visitor, &[Session])) -> LogRow {
    let network = prefix(&entry.address);
    let is_here = sessions.iter().any(|session| prefix(&session.address) == network);
    LogRow {
        what: entry.event.in_words(),
        at: entry.occurred_at.readable(),
        datetime: entry.occurred_at.rfc3339(),
        browser: if entry.address.is_empty() { String::new() } else { browser_in_words(&entry.user_agent) },
        is_from_elsewhere: !entry.address.is_empty() && !is_here && prefix(&visitor.origin.address) != network,
        about: entry.subject,
        address: entry.address,
    }
}
