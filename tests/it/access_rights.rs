//! The promise about rights, tried with chance: whatever a token was made with, and however shares move
//! afterwards, on registered resources it never opens more than its owner holds at that moment.

use std::collections::BTreeMap;

use gatepost::domain::access_list::Tier;
use gatepost::domain::user::User;
use serde_json::{Value, json};

use crate::harness::application::Application;
use crate::harness::token_holders::{ACCESS_TOKENS, Program, TILES};
use crate::harness::{self, Server};

/// Chance that is the same in every run (SplitMix64).
struct Chance(u64);

impl Chance {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        let most = u64::try_from(most).expect("because a test's lists are short");
        usize::try_from(self.number() % most).expect("because it is below a list's length")
    }

    fn tier(&mut self) -> Tier {
        Tier::ALL[self.below(Tier::ALL.len())].0
    }
}

/// The tree and the shares, told apart from the server's own code.
struct Drive {
    people: Vec<(User, Program)>,
    /// By path: its parent and its owner.
    resources: Vec<(String, Option<usize>, usize)>,
    shares: BTreeMap<(usize, usize), Tier>,
}

impl Drive {
    /// What a person holds: all on what is theirs or lies in it, else the highest share on the way up.
    fn held(&self, person: usize, resource: usize) -> Option<Tier> {
        let (_, parent, owner) = &self.resources[resource];
        let above = parent.and_then(|parent| self.held(person, parent));
        let here = if *owner == person { Some(Tier::Admin) } else { self.shares.get(&(resource, person)).copied() };
        here.max(above)
    }

    async fn make(server: &Server, chance: &mut Chance) -> Self {
        let mut drive = Self { people: Vec::new(), resources: Vec::new(), shares: BTreeMap::new() };
        for name in ["alice", "bob", "carol"] {
            let user = server.person(name).await;
            drive.people.push((user, server.log_in(name).await));
        }
        for number in 0..24 {
            let parent = (number > 0 && chance.below(4) > 0).then(|| chance.below(number));
            let owner = chance.below(drive.people.len());
            let path = format!("resource-{number}");
            let above = parent.map(|parent: usize| drive.resources[parent].0.clone());
            server.resource(&path, above.as_deref(), &drive.people[owner].0).await;
            drive.resources.push((path, parent, owner));
        }
        drive
    }

    /// Shares something with somebody, changes how far, or takes it back.
    async fn stir(&mut self, server: &Server, chance: &mut Chance) {
        let (resource, person) = (chance.below(self.resources.len()), chance.below(self.people.len()));
        let tier = (chance.below(3) > 0).then(|| chance.tier());
        server.share(&self.resources[resource].0, &self.people[person].0, tier).await;
        match tier {
            Some(tier) => self.shares.insert((resource, person), tier),
            None => self.shares.remove(&(resource, person)),
        };
    }

    fn resource_named(&self, path: &str) -> usize {
        let found = self.resources.iter().position(|(name, _, _)| name == path);
        found.unwrap_or_else(|| panic!("{path} was never registered"))
    }
}

fn tier_of(entry: &Value) -> Tier {
    let text = entry["access"]["accessTier"].as_str().unwrap_or_default();
    text.parse().unwrap_or_else(|_error| panic!("no tier in {entry}"))
}

/// Tries to make a token; it is made when, and only when, its owner holds all that it names.
async fn try_to_make(drive: &Drive, chance: &mut Chance) -> Option<(usize, String, Value)> {
    let person = chance.below(drive.people.len());
    let wanted: BTreeMap<usize, Tier> =
        (0..=chance.below(3)).map(|_| (chance.below(drive.resources.len()), chance.tier())).collect();
    let may = wanted.iter().all(|(resource, tier)| drive.held(person, *resource) >= Some(*tier));
    let entries = wanted.iter().map(
        |(resource, tier)| json!({ "pathId": drive.resources[*resource].0, "access": { "accessTier": tier.as_str() } }),
    );
    let list: Value = entries.collect();
    let answer = drive.people[person].1.post(ACCESS_TOKENS, &json!({ "description": "d", "accessList": list })).await;
    assert_eq!(answer.status, if may { 200 } else { 403 }, "{list}: {}", answer.text());
    may.then(|| (person, answer.member("token"), list))
}

async fn assert_within(drive: &Drive, api: &Application, (person, token, made_with): &(usize, String, Value)) {
    let effective = api.introspect(token).await["access_list"].clone();
    let mut expected = Vec::new();
    for made in made_with.as_array().expect("because the test made a list") {
        let path = made["pathId"].as_str().expect("because the test named it");
        let held = drive.held(*person, drive.resource_named(path));
        // The lower of what the token was made with and what its owner holds now; nothing when that is nothing.
        if let Some(tier) = held.map(|held| held.min(tier_of(made))) {
            expected.push(json!({ "pathId": path, "access": { "accessTier": tier.as_str() } }));
        }
    }
    assert_eq!(effective, json!(expected), "made with {made_with}");
}

#[actix_web::test]
async fn rights_are_never_more_than_the_owners_at_that_moment() {
    let server = harness::spawn().await;
    let api = server.api(TILES, &[], true).await;
    let mut chance = Chance(20_261_121);
    let mut drive = Drive::make(&server, &mut chance).await;
    let mut made: Vec<(usize, String, Value)> = Vec::new();
    for round in 0..400 {
        match chance.below(3) {
            0 => made.extend(try_to_make(&drive, &mut chance).await),
            _ => drive.stir(&server, &mut chance).await,
        }
        if !made.is_empty() {
            let some = chance.below(made.len());
            assert_within(&drive, &api, &made[some]).await;
        }
        if round % 100 == 99 {
            for token in &made {
                assert_within(&drive, &api, token).await;
            }
        }
    }
    assert!(made.len() > 40, "only {} tokens were made: too few to prove anything", made.len());
}

#[actix_web::test]
async fn folders_in_a_circle_end() {
    let server = harness::spawn().await;
    let api = server.api(TILES, &[], true).await;
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    server.resource("a", None, &bob).await;
    server.resource("b", Some("a"), &bob).await;
    let circle = "UPDATE resources SET parent_id = (SELECT id FROM resources WHERE path = 'b') WHERE path = 'a'";
    server.write(move |tx| harness::execute(tx, circle)).await;
    server.share("a", &alice, Some(Tier::View)).await;
    let program = server.log_in("alice").await;
    let made = program.make_token(json!([{ "pathId": "b", "accessTier": "view" }])).await;
    let token = made["token"].as_str().expect("because it was just made");
    assert_eq!(api.introspect(token).await["access_list"][0]["pathId"], "b");
}
