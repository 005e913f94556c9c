//! Token exchange (RFC 8693): a person's own token is exchanged for a short-lived one for a single API, so that the
//! token that is passed on has fewer rights. It never has more rights than the original, and ends with it.

use super::TokenResponse;
use crate::clock::UnixTime;
use crate::domain::access_list::AccessList;
use crate::domain::api::{Api, PLATFORM_SCOPE};
use crate::domain::api_identifier::normal;
use crate::domain::client::Client;
use crate::domain::grant::{Grant, GrantKind};
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::space_separated::SpaceSeparated;
use crate::domain::token_in_use::TokenInUse;
use crate::domain::token_record::{BearerToken, TokenKind};
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::Problem;
use crate::oauth::scopes::{self, parse_asked};
use crate::oauth::{Refusal, Result};
use crate::store::{Database, apis, grants};
use crate::tokens::audience::is_for;
use crate::tokens::check::{self, is_full_access, note_use};
use crate::tokens::last_use::LastUse;
use crate::tokens::{TokenSettings, issue};

/// The only token type that is accepted and issued (RFC 8693 §3).
pub(super) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The longest lifetime of the new token, in seconds (ours).
const LONGEST: i64 = 600;

/// A token, and the API and scope for which it is exchanged.
#[derive(Clone, Debug)]
pub struct Request {
    subject_token: Secret,
    target: String,
    scope: Option<Scope>,
}

impl Request {
    pub(super) fn parse(parameters: &Parameters) -> std::result::Result<Self, Refusal> {
        let missing = |cause| Refusal { problem: Problem::MissingParameter, cause };
        let subject_token = parameters.get("subject_token").ok_or(missing("subject_token is missing"))?;
        let given = parameters.get("subject_token_type").ok_or(missing("subject_token_type is missing"))?;
        let wanted = parameters.get("requested_token_type").unwrap_or(ACCESS_TOKEN);
        if given != ACCESS_TOKEN || wanted != ACCESS_TOKEN {
            return Err(Refusal {
                problem: Problem::UnsupportedTokenType,
                cause: "a token type that is not exchanged here",
            });
        }
        if parameters.get("actor_token").is_some() || parameters.get("actor_token_type").is_some() {
            return Err(Refusal { problem: Problem::ActorNotSupported, cause: "an actor token came along" });
        }
        // Both name the API (§2.1). One API could send a token for several APIs to another one (ours).
        let targets = [parameters.all("resource"), parameters.all("audience")].concat();
        let (first, rest) = targets.split_first().ok_or(missing("audience and resource are missing"))?;
        let address = normal(first);
        if rest.iter().any(|other| other != first && normal(other) != address) {
            return Err(Refusal { problem: Problem::InvalidTarget, cause: "more than one API was named" });
        }
        let target = (*first).to_owned();
        Ok(Self { subject_token: Secret::new(subject_token), target, scope: parse_asked(parameters)? })
    }
}

/// The result of an exchange, not issued yet.
pub(super) struct Exchange {
    subject: TokenInUse,
    api: Api,
    scope: Scope,
    access_list: Option<AccessList>,
}

/// Decides about an exchange in a read, and notes the use of the subject token.
pub(super) fn examine(
    db: &mut Database,
    now: UnixTime,
    last_use: &LastUse,
    (client, request): (&Client, &Request),
) -> Result<Exchange> {
    judge(db, now, Some(last_use), (client, request))
}

fn judge(
    db: &mut Database,
    now: UnixTime,
    last_use: Option<&LastUse>,
    (client, request): (&Client, &Request),
) -> Result<Exchange> {
    if client.is_public() {
        return Err(Problem::UnauthorizedClient.because("a client without a secret may not exchange tokens"));
    }
    let subject = find_subject(db, now, last_use, request)?;
    let api = find_target(db, &subject, request)?;
    let held = held_scope(db, &subject, &api)?;
    let held = if is_first_party(db, client)? { held } else { held.intersection(&client.scope) };
    let scope = request.scope.as_ref().map_or_else(|| held.clone(), |asked| asked.intersection(&held));
    // The new token keeps the access list, which is a limit too; the list opens resources only at an API that the
    // operator runs.
    let access_list = subject.record.access_list.clone();
    let opens_by_list = access_list.is_some() && api.is_first_party;
    if scope.is_empty() && (request.scope.is_some() || !opens_by_list) {
        return Err(Problem::InvalidScope.because("the subject token, the API and the client have no scope in common"));
    }
    Ok(Exchange { subject, api, scope, access_list })
}

/// Finds the token that is exchanged: it must be a person's own (RFC 8693 §2.2.2). A token of an app has no access
/// to the account (`docs/compatibility/ellipsis.md#what-is-shielded`) and is not exchanged; neither is one for a
/// fileset, for embedding or for making tokens.
fn find_subject(db: &mut Database, now: UnixTime, last_use: Option<&LastUse>, request: &Request) -> Result<TokenInUse> {
    let refuse = |cause| Problem::InvalidSubjectToken.because(cause);
    let presented = BearerToken::parse(request.subject_token.expose());
    let presented = presented.map_err(|_malformed| refuse("the subject token is none of ours"))?;
    let subject = check::judge(db, now, &presented).map_err(|error| {
        let cause = "the subject token is unknown, expired or revoked";
        error.map_refusal(|_rejection| Refusal { problem: Problem::InvalidSubjectToken, cause })
    })?;
    if let Some(last_use) = last_use {
        note_use(last_use, now, &subject, None);
    }
    match subject.record.kind {
        TokenKind::User if is_full_access(&subject) => Ok(subject),
        TokenKind::Personal => Ok(subject),
        _ => Err(refuse("the subject token is not a person's own")),
    }
}

/// Finds the named API, if the subject token opens it.
fn find_target(db: &mut Database, subject: &TokenInUse, request: &Request) -> Result<Api> {
    let unknown = || Problem::InvalidTarget.because("no active API has this identifier");
    let directory = apis::directory(db)?;
    let found = directory.find_named(&request.target).filter(|found| found.is_active).ok_or_else(unknown)?;
    if !is_for(subject, found) {
        return Err(Problem::InvalidTarget.because("the subject token does not open this API"));
    }
    Ok(found.api.clone())
}

/// Returns the scope of the subject token at the API: for a user token all scopes of the API and the platform's
/// scope, for a personal token those that it has.
fn held_scope(db: &mut Database, subject: &TokenInUse, api: &Api) -> Result<Scope> {
    let of_api = scopes::of_api(db, api.id)?;
    Ok(match subject.record.kind {
        TokenKind::User => of_api.union(&PLATFORM_SCOPE.parse().unwrap_or_default()),
        _ => of_api.intersection(&subject.record.scope),
    })
}

/// Whether the client belongs to the operator, such as an API that exchanges a received token for another API.
fn is_first_party(db: &mut Database, client: &Client) -> Result<bool> {
    let directory = apis::directory(db)?;
    Ok(client.is_first_party || directory.find_by_client(client.id).is_some_and(|found| found.api.is_first_party))
}

/// Issues the short-lived token to the authenticated client.
pub(super) fn grant(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    client: &Client,
    request: &Request,
) -> Result<TokenResponse> {
    let Exchange { subject, api, scope, access_list } = judge(tx, now, None, (client, request))?;
    let ends = [subject.record.expires_at, subject.basis.grant.expires_at];
    let left = ends.into_iter().flatten().map(|end| end.since(now)).min().unwrap_or(i64::MAX);
    let expires_in = LONGEST.min(token_settings.lifetimes.access).min(left);
    let grant = Grant {
        user_id: subject.basis.grant.user_id,
        client_key: Some(client.id),
        scope: scope.clone(),
        audience: SpaceSeparated::from_iter([&api.identifier]),
        ..Grant::new(now, GrantKind::TokenExchange, Some(now.plus(expires_in)))
    };
    grants::insert(tx, &grant)?;
    let made_of = (subject.record.id, access_list);
    let access = issue::exchanged_token(tx, now, (&grant, expires_in), made_of)?;
    Ok(TokenResponse { access, refresh_token: None, scope, id_token: None })
}
