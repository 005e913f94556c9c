//! The options on the page for a new token. They depend on the person's role and the operator's limits;
//! narrow kinds come first.

use crate::clock::in_words;
use crate::domain::access_list::Tier;
use crate::domain::api::{Api, ApiScope};
use crate::domain::user::Role;
use crate::tokens::new_personal_token::{Limits, highest_of};

/// An option of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The value that the form submits.
    pub value: String,
    /// The sentence that the person reads.
    pub sentence: String,
    /// An explanation below the sentence.
    pub hint: &'static str,
    /// Whether it is selected when the page opens.
    pub is_chosen: bool,
}

/// The scopes of one API.
#[derive(Clone, Debug)]
pub struct ApiChoice {
    /// The name of the API.
    pub name: String,
    pub scopes: Vec<Choice>,
}

/// The kind for chosen resources, which is the default.
pub(super) const RESOURCES: &str = "resources";
/// The kind for a fileset.
pub(super) const FILESET: &str = "fileset";
/// The kind for scopes of APIs.
pub(super) const API: &str = "api";

/// Value, sentence and hint of each kind. The value of a studio kind is its action and its resource type.
const KINDS: [(&str, &str, &str); 8] = [
    (RESOURCES, "Open chosen resources", "Only those that you name, only as far as you say."),
    (FILESET, "Read one fileset", "The files in it, and nothing else."),
    ("read_only/dataset_streaming", "Stream datasets", "Tiles and GeoJSON of your datasets, and nothing else."),
    ("read_write/dataset_streaming_refreshing", "Stream datasets and refresh their tiles", ""),
    (
        "read_only/embedded_published_project", "Show published projects in other pages",
        "Every visitor of such a page can read this token.",
    ),
    (API, "Use an API", "Only the scopes that you choose."),
    ("read_only/all", "Read everything in the studio", ""),
    ("read_write/all", "Read and change everything in the studio", "Give this to nobody but yourself."),
];

/// The lifetimes of most kinds, in seconds.
const LIVES: [i64; 5] = [86_400, 604_800, 2_592_000, 7_776_000, 31_536_000];
/// The default lifetime, in seconds.
const USUAL_LIFE: i64 = 2_592_000;
/// The lifetimes of studio tokens, in seconds. A studio token lives for 9,999 minutes at most.
const STUDIO_LIVES: [i64; 4] = [3_600, 86_400, 259_200, 518_400];
/// The default lifetime of a studio token, in seconds.
const USUAL_STUDIO_LIFE: i64 = 86_400;

fn choice(value: &str, sentence: &str, chosen: &str) -> Choice {
    Choice { value: value.to_owned(), sentence: sentence.to_owned(), hint: "", is_chosen: value == chosen }
}

/// Returns the text with its first letter in upper case.
pub(super) fn capitalized(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Returns the kinds that a person of this role may create. The kind for scopes is included only when an API
/// has scopes.
pub(super) fn kinds(role: Role, has_scopes: bool, asked: &str) -> Vec<Choice> {
    let may_hold = |value: &str| !(role == Role::Consumer && value.starts_with("read_write/"));
    let offered = KINDS.iter().filter(|(value, _, _)| may_hold(value) && (*value != API || has_scopes));
    let mut offered: Vec<Choice> =
        offered.map(|(value, sentence, hint)| Choice { hint, ..choice(value, sentence, asked) }).collect();
    if !offered.iter().any(|kind| kind.is_chosen) {
        offered[0].is_chosen = true;
    }
    offered
}

/// Returns the tiers that a person of this role may grant.
pub(super) fn tiers(role: Role, asked: &str) -> Vec<Choice> {
    let offered = Tier::ALL.iter().filter(|(tier, _, _)| *tier <= highest_of(role));
    offered.map(|(tier, _, words)| choice(tier.as_str(), &capitalized(words), asked)).collect()
}

/// Returns the scopes of every API that has any.
pub(super) fn scopes(apis: &[Api], scopes: &[ApiScope], asked: &[String]) -> Vec<ApiChoice> {
    let of_api = |api: &Api| {
        let own = scopes.iter().filter(|scope| scope.api_id == api.id);
        own.map(|scope| Choice { is_chosen: asked.contains(&scope.name), ..choice(&scope.name, &scope.sentence, "") })
            .collect::<Vec<_>>()
    };
    let all = apis.iter().map(|api| ApiChoice { name: api.name.clone(), scopes: of_api(api) });
    all.filter(|api| !api.scopes.is_empty()).collect()
}

/// Returns the lifetimes that the operator allows, including the lifetime that a link asks for.
pub(super) fn lives(limits: &Limits, asked: Option<&str>) -> Vec<Choice> {
    choices(limits, &LIVES, (asked, USUAL_LIFE), i64::MAX)
}

/// Returns the lifetimes of a studio token, like [`lives`].
pub(super) fn studio_lives(limits: &Limits, asked: Option<&str>, most: i64) -> Vec<Choice> {
    choices(limits, &STUDIO_LIVES, (asked, USUAL_STUDIO_LIFE), most)
}

fn choices(limits: &Limits, usual: &[i64], (asked, marked): (Option<&str>, i64), most: i64) -> Vec<Choice> {
    let most = limits.max_lifetime.unwrap_or(i64::MAX).min(most);
    let wanted = asked.and_then(|asked| asked.parse::<i64>().ok()).filter(|seconds| (60..=most).contains(seconds));
    let mut seconds: Vec<i64> = usual.iter().copied().filter(|seconds| *seconds <= most).chain(wanted).collect();
    seconds.sort_unstable();
    seconds.dedup();
    if seconds.is_empty() {
        seconds.push(most);
    }
    let is_never = asked == Some("never") && may_be_permanent(limits);
    // The default lifetime, or the longest one below it.
    let fallback = seconds.iter().copied().filter(|seconds| *seconds <= marked).max().unwrap_or(seconds[0]);
    let chosen = if is_never { "never".to_owned() } else { wanted.unwrap_or(fallback).to_string() };
    let mut lives: Vec<Choice> =
        seconds.iter().map(|seconds| choice(&seconds.to_string(), &life_in_words(*seconds), &chosen)).collect();
    if may_be_permanent(limits) {
        lives.push(choice("never", "Until I revoke it", &chosen));
    }
    lives
}

/// Returns whether the operator allows tokens that never expire.
pub(super) fn may_be_permanent(limits: &Limits) -> bool {
    limits.allow_permanent && limits.max_lifetime.is_none()
}

/// Returns the label of a lifetime.
fn life_in_words(seconds: i64) -> String {
    match seconds {
        86_400 => "1 day".to_owned(),
        31_536_000 => "1 year".to_owned(),
        _ => in_words(seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Limits = Limits { allow_permanent: true, max_lifetime: None, accept_unknown_resources: true };

    fn read(lives: &[Choice]) -> Vec<(&str, bool)> {
        lives.iter().map(|life| (life.sentence.as_str(), life.is_chosen)).collect()
    }

    #[test]
    fn lives_stop_at_the_operators_limit_and_one_is_always_marked() {
        let week = Limits { max_lifetime: Some(604_800), ..FREE };
        assert_eq!(read(&lives(&week, None)), [("1 day", false), ("7 days", true)]);
        assert_eq!(read(&lives(&week, Some("never"))), [("1 day", false), ("7 days", true)]);
        assert_eq!(read(&lives(&Limits { max_lifetime: Some(7_200), ..FREE }, None)), [("2 hours", true)]);
        let bounded = Limits { allow_permanent: false, ..FREE };
        assert!(lives(&bounded, Some("never")).iter().all(|life| life.value != "never"));
    }

    #[test]
    fn what_a_link_asks_for_is_a_choice_unless_it_is_nonsense() {
        assert_eq!(read(&lives(&FREE, Some("10800")))[0], ("3 hours", true));
        assert!(lives(&FREE, Some("never")).last().is_some_and(|life| life.is_chosen));
        for nonsense in ["0", "-5", "soon", "59", "99999999999999999999"] {
            assert_eq!(lives(&FREE, Some(nonsense)), lives(&FREE, None), "{nonsense}");
        }
        let studio = studio_lives(&FREE, Some("604800"), 599_940);
        assert_eq!(read(&studio)[..2], [("1 hour", false), ("1 day", true)]);
    }

    #[test]
    fn a_consumer_is_offered_nothing_that_writes() {
        assert!(kinds(Role::Consumer, true, "read_write/all").iter().all(|kind| !kind.value.starts_with("read_write")));
        assert!(kinds(Role::Consumer, true, "read_write/all")[0].is_chosen);
        assert_eq!(tiers(Role::Consumer, "view").len(), 2);
        assert_eq!((kinds(Role::Author, true, API).len(), kinds(Role::Author, false, API).len()), (8, 7));
    }
}
