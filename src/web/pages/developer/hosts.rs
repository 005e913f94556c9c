//! `/developer/hosts`: proves that a person controls a host, by a file below its `/.well-known/`.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use url::form_urlencoded::Serializer;

use crate::domain::host_proof::{HostProof, MOST, PATH, ProvableOrigin, word_of, words_in};
use crate::domain::id::Id;
use crate::domain::login_return_url::LoginReturnUrl;
use crate::identity::throttle::Throttled;
use crate::oauth::hosts::{self, Read};
use crate::oauth::parameters::Parameters;
use crate::outcome::{Error, transact};
use crate::store::{clients, host_proofs};
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::fetch::{DOCUMENT, FetchError};
use crate::web::page::{FieldError, Forms, Layout, render, retry_after, see_other};
use crate::web::pages::Form;
use crate::web::pages::account::address_first;

/// A host in the list.
#[derive(Clone, Debug)]
pub struct HostRow {
    /// The host, with its port when it has one.
    pub host: String,
    /// The id of the proof; `None` while the host is not proven.
    pub proof_id: Option<String>,
    /// When the file was last read, as text.
    pub proven: Option<String>,
}

/// The data of the template `developer/hosts.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "developer/hosts.html")]
pub struct Hosts {
    pub layout: Layout,
    pub errors: Vec<FieldError>,
    /// The host, as entered.
    pub host: String,
    /// The URL of the file, on the entered host or on an example host.
    pub file: String,
    /// The required content of the file.
    pub content: String,
    /// The word of the person, to be added to a file that names other owners already.
    pub word: String,
    /// The hosts of the person's applications, and the hosts that they have proven.
    pub rows: Vec<HostRow>,
}

/// Returns the path of the page with this host prefilled, relative to the public URL.
pub fn path_for(host: &ProvableOrigin) -> String {
    format!("/developer/hosts?{}", Serializer::new(String::new()).append_pair("host", &shown(&host.origin())).finish())
}

/// Returns an origin without its scheme, for people.
fn shown(origin: &str) -> String {
    origin.strip_prefix("https://").unwrap_or(origin).to_owned()
}

/// What the page shows about the last request.
#[derive(Default)]
struct Said {
    host: String,
    notice: Option<String>,
    problem: Option<String>,
}

async fn show(app: &Data<App>, visitor: &Visitor, said: Said) -> Result<HttpResponse, PageError> {
    let owner = visitor.user.id;
    let found = app.store.read(move |db| Ok((clients::list(db, Some(owner))?, host_proofs::list_of(db, owner)?)));
    let (clients, proofs) = found.await?;
    let urls = clients.iter().flat_map(|client| client.return_urls().collect::<Vec<LoginReturnUrl>>());
    let provable = urls.filter_map(|url| ProvableOrigin::of(&url.address().origin())).map(|origin| origin.origin());
    let proven = proofs.iter().map(|proof| proof.origin.clone());
    let mut rows: BTreeMap<String, Option<&HostProof>> = provable.chain(proven).map(|origin| (origin, None)).collect();
    rows.extend(proofs.iter().map(|proof| (proof.origin.clone(), Some(proof))));
    let row = |(origin, proof): (String, Option<&HostProof>)| HostRow {
        host: shown(&origin),
        proof_id: proof.map(|proof| proof.id.number().to_string()),
        proven: proof.map(|proof| proof.proven_at.readable()),
    };
    let status = if said.problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let typed = ProvableOrigin::of(&said.host);
    let word = word_of(&app.public.issuer, owner);
    let layout = visitor.layout(app);
    let page = Hosts {
        layout: said.notice.map_or(layout.clone(), |notice| layout.with_notice(&notice)),
        errors: said.problem.into_iter().map(|message| FieldError { field: "host", message }).collect(),
        file: typed.map_or_else(|| format!("https://YOUR_HOST{PATH}"), |origin| origin.file().into()),
        content: format!("{{\"owners\": [\"{word}\"]}}"),
        word,
        host: said.host,
        rows: rows.into_iter().map(row).collect(),
    };
    Ok(render(status, Forms::Stay, &page))
}

/// Shows the page. A link may prefill the host.
pub async fn get(app: Data<App>, request: HttpRequest, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let asked = Parameters::parse(request.query_string().as_bytes()).ok();
    let host = asked.as_ref().and_then(|asked| asked.get("host")).filter(|host| ProvableOrigin::of(host).is_some());
    show(&app, &visitor, Said { host: host.unwrap_or_default().to_owned(), ..Said::default() }).await
}

/// Fetches the file of a host, and records whether it names this person.
pub async fn post(app: Data<App>, visitor: Visitor, Form(form): Form) -> Result<HttpResponse, PageError> {
    if let Some(page) = address_first(&app, &visitor) {
        return Err(page);
    }
    let host: String = form.get("host").unwrap_or_default().chars().take(2_048).collect();
    let problem = |problem: String| Said { host: host.clone(), problem: Some(problem), ..Said::default() };
    let Some(origin) = ProvableOrigin::of(&host) else {
        let problem = problem("Write the name of a public host that answers to https, such as app.example.".to_owned());
        return show(&app, &visitor, problem).await;
    };
    let (person, address) = (visitor.user.id, &visitor.origin.address);
    if let Err(Throttled(seconds)) = app.throttle.attempt_host_file(app.now(), person, address, origin.host_name()) {
        let page = show(&app, &visitor, problem(Throttled(seconds).to_string())).await?;
        return Ok(retry_after(page, seconds));
    }
    let read = app.documents.fetcher().fetch(&origin.file(), DOCUMENT).await;
    let words = match &read {
        Ok(document) => words_in(&document.body),
        // A temporary error does not show who controls the host, so the proof stays as it is.
        Err(error) if error.is_passing() => return show(&app, &visitor, problem(what(*error, &origin))).await,
        Err(_) => None,
    };
    let (now, shared, who, host_read) = (app.now(), app.clone(), visitor.clone(), origin.clone());
    let named = words.clone().unwrap_or_default();
    let taken = transact(&app.store, move |tx| {
        let Some(who) = who.recheck(tx, &shared, now)? else { return Ok(None) };
        let read = Read { issuer: &shared.public.issuer, host: &host_read, words: &named };
        hosts::record_host_file(tx, now, who.user.id, read, &who.origin).map(Some)
    });
    let said = match taken.await {
        Ok(Some(true)) => Said { notice: Some(format!("{} is yours.", shown(&origin.origin()))), ..Said::default() },
        Ok(Some(false)) => problem(match (&read, words) {
            (Err(error), _) => what(*error, &origin),
            (Ok(_), None) => format!("{} is not the file that is shown below.", origin.file()),
            (Ok(_), Some(_)) => format!("Your word is not in {}.", origin.file()),
        }),
        Ok(None) => return Ok(see_other(&app.public.path("/developer/hosts"))),
        Err(Error::Refused(hosts::TooManyHosts)) => {
            problem(format!("You have proven {MOST} hosts, which is the most."))
        }
        Err(Error::Failed(error)) => return Err(error.into()),
    };
    show(&app, &visitor, said).await
}

/// Describes why a file could not be read, for the owner of the host.
fn what(error: FetchError, origin: &ProvableOrigin) -> String {
    let (host, file) = (shown(&origin.origin()), origin.file());
    match error {
        FetchError::Address | FetchError::Unreachable => {
            format!("{host} cannot be reached. It must be public and have a valid certificate.")
        }
        FetchError::Late => format!("{host} answered too slowly."),
        FetchError::Gone => format!("There is no file at {file}."),
        FetchError::Status => format!("{file} must be answered with status 200, without a redirect."),
        FetchError::Type => format!("{file} must be sent as application/json."),
        FetchError::Size => format!("{file} is larger than 5 KiB."),
    }
}

/// Deletes the proof of a host.
pub async fn end(app: Data<App>, id: Path<i64>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let (now, owner, id) = (app.now(), visitor.user.id, Id::<HostProof>::from_number(*id));
    let ended = app.store.write(move |tx| hosts::give_up(tx, now, owner, id, &visitor.origin)).await;
    match ended {
        Ok(true) => Ok(see_other(&app.public.path("/developer/hosts"))),
        Ok(false) => Err(PageError::not_found()),
        Err(error) => Err(error.into()),
    }
}
