//! Documents that code, tests and other documents name: each is there, with the heading or the mark that is named. And
//! what documents name of the tree is there too: files, tests, the version of Rust.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What is read: folders, and files of the root.
const FOLDERS: [&str; 9] = ["src", "tests", "docs", "migrations", "templates", "static", "benches", "scripts", ".ci"];
const FILES: [&str; 9] = [
    "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "RELEASING.md", "Cargo.toml", "clippy.toml",
    "deny.toml", "rust-toolchain.toml",
];
/// The folders that paths in documents begin with.
const OURS: [&str; 9] =
    ["src/", "tests/", "docs/", "migrations/", "templates/", "static/", "benches/", "scripts/", ".ci/"];

/// Every text of the tree by its path from the root.
struct Tree(BTreeMap<String, String>);

impl Tree {
    fn read() -> Self {
        let mut texts = BTreeMap::new();
        let mut folders: Vec<_> = FOLDERS.iter().map(|folder| Path::new(ROOT).join(folder)).collect();
        let mut files: Vec<_> = FILES.iter().map(|file| Path::new(ROOT).join(file)).collect();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("because the folder is there") {
                let path = entry.expect("because it can be read").path();
                match path.is_dir() {
                    true if path.ends_with("node_modules") => {}
                    true => folders.push(path),
                    false => files.push(path),
                }
            }
        }
        for file in files {
            let name = file.strip_prefix(ROOT).expect("because it is below the root").to_string_lossy().into_owned();
            // Pictures are no texts.
            if let Ok(text) = fs::read_to_string(&file) {
                texts.insert(name, text);
            }
        }
        Self(texts)
    }

    fn documents(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter().filter(|(path, _)| path.ends_with(".md"))
    }

    fn has(&self, path: &str) -> bool {
        self.0.contains_key(path) || Path::new(ROOT).join(path).exists()
    }
}

fn is_of_a_path(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "._/-".contains(letter)
}

/// The documents that a text names: their paths as written, and what comes after `#`. Addresses of other sites aside.
fn named(text: &str) -> Vec<(&str, Option<&str>)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(".md") {
        let end = at + ".md".len();
        let start = text[..at].rfind(|letter| !is_of_a_path(letter)).map_or(0, |before| before + 1);
        // A letter of another alphabet may be before it.
        let Some(path) = text.get(start..end).filter(|path| *path != ".md" && !path.starts_with("//")) else {
            continue;
        };
        let rest = &text[end..];
        if rest.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '_') {
            continue;
        }
        let anchor = rest.strip_prefix('#').map(|rest| {
            let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-' && letter != '_');
            &rest[..end.unwrap_or(rest.len())]
        });
        found.push((path, anchor));
    }
    found
}

/// A path as it is meant in this file: in a document from its own folder, in code from the root.
fn meant(file: &str, path: &str) -> String {
    let folder = if file.ends_with(".md") { file.rsplit_once('/').map_or("", |(folder, _)| folder) } else { "" };
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// What can come after `#`: headings as forges name them, and marks.
fn anchors(document: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in document.lines() {
        if let Some(heading) = line.strip_prefix('#').map(|rest| rest.trim_start_matches('#').trim()) {
            let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
            found.insert(kept.collect::<String>().to_lowercase().replace(' ', "-"));
        }
        found.extend(line.split("<a id=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
    }
    found
}

/// The names of a text that lead nowhere.
fn lost(tree: &Tree, file: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (path, anchor) in named(text) {
        let own = meant(file, path);
        let from_root = meant("", path);
        let Some(document) = [&own, &from_root].into_iter().find_map(|path| tree.0.get(path.as_str())) else {
            found.push(format!("{file}: there is no {path}"));
            continue;
        };
        if let Some(anchor) = anchor.filter(|anchor| !anchors(document).contains(*anchor)) {
            found.push(format!("{file}: {path} has no #{anchor}"));
        }
    }
    found
}

/// An attack by its id alone: a reader cannot look that up.
fn unexplained_attacks(file: &str, text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split(|letter: char| !letter.is_ascii_alphanumeric()).collect();
    let is_id =
        |word: &str| word.len() == 3 && word.as_bytes()[0].is_ascii_uppercase() && word[1..].parse::<u8>().is_ok();
    let pairs = words.windows(2).filter(|pair| matches!(pair[0], "attack" | "attacks") && is_id(pair[1]));
    pairs.map(|pair| format!("{file}: {} is docs/threat-model.md#{}", pair[1], pair[1].to_lowercase())).collect()
}

/// This file holds names that are wrong.
const SELF: &str = "tests/it/named_documents.rs";

#[test]
fn every_document_that_is_named_is_there_with_what_is_named_in_it() {
    let tree = Tree::read();
    let others = || tree.0.iter().filter(|(file, _)| *file != SELF);
    let mut lost: Vec<String> = others().flat_map(|(file, text)| self::lost(&tree, file, text)).collect();
    lost.extend(others().flat_map(|(file, text)| unexplained_attacks(file, text)));
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

#[test]
fn a_document_that_is_not_there_is_found() {
    let texts = [
        ("docs/a.md", "# A heading, `in` two parts\n\n<a id=\"e20\"></a> [other](b.md) [up](../README.md)"),
        ("docs/b.md", "# B"),
        ("README.md", "[A](docs/a.md#a-heading-in-two-parts)"),
    ];
    let tree = Tree(texts.map(|(path, text)| (path.to_owned(), text.to_owned())).into());
    assert!(tree.documents().all(|(file, text)| lost(&tree, file, text).is_empty()));
    for (file, text, is_lost) in [
        ("src/x.rs", "//! See `docs/a.md`, and `docs/a.md#e20`.", false),
        ("src/x.rs", "include_str!(\"../../docs/a.md\")", false),
        ("src/x.rs", "https://forge.example/other/c.md", false),
        ("src/x.rs", "//! See (`lost.md`, Throttle).", true),
        ("src/x.rs", "//! `docs/a.md#e21`", true),
        ("docs/b.md", "[c](c.md)", true),
        ("docs/b.md", "[a](docs/a.md)", false),
    ] {
        assert_eq!(!lost(&tree, file, text).is_empty(), is_lost, "{file}: {text}");
    }
    assert_eq!(unexplained_attacks("x", "the attack E20; attacks of E21; attack 200").len(), 1);
}

/// The pages of decisions: their numbers and texts.
fn decisions(tree: &Tree) -> Vec<(u32, &str, &str)> {
    let pages =
        tree.documents().filter_map(|(path, text)| Some((path.strip_prefix("docs/decisions/")?, text.as_str())));
    pages.map(|(name, text)| (name[..4].parse().expect("because a page begins with its number"), name, text)).collect()
}

#[test]
fn each_decision_has_a_number_of_its_own_and_says_why_what_and_what_follows() {
    let tree = Tree::read();
    let decisions = decisions(&tree);
    assert!(decisions.len() > 30, "{}", decisions.len());
    let mut seen = BTreeMap::new();
    for (number, name, text) in decisions {
        if let Some(other) = seen.insert(number, name) {
            panic!("{name} and {other} have one number; the newer one takes the next that is free");
        }
        assert!(text.starts_with(&format!("# {number}. ")), "{name}: the heading has the number");
        for part in ["Context", "Decision", "Consequence"] {
            assert!(text.contains(part), "{name}: {part} is missing");
        }
        assert!((8..=40).contains(&text.lines().count()), "{name}: a page has ten to thirty lines");
    }
}

/// `a/{b,c}.rs` is two paths.
fn written_out(path: &str) -> Vec<String> {
    match path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
        Some((before, (names, after))) => names.split(',').map(|name| format!("{before}{name}{after}")).collect(),
        None => vec![path.to_owned()],
    }
}

#[test]
fn every_file_that_a_document_names_is_there() {
    let tree = Tree::read();
    let mut count = 0;
    for (file, text) in tree.documents().filter(|(file, _)| *file != "README.md" && *file != "CHANGELOG.md") {
        let quoted = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
        let paths = quoted.filter(|quoted| OURS.iter().any(|folder| quoted.starts_with(folder)));
        // What is to be made has no name yet.
        for path in paths
            .filter(|path| {
                path.chars().all(|letter| is_of_a_path(letter) || "{,}".contains(letter)) && !path.contains("YYYY")
            })
            .flat_map(written_out)
        {
            count += 1;
            assert!(tree.has(path.trim_end_matches('/')), "{file}: there is no {path}");
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
fn every_attack_names_a_test_that_is_there() {
    let tree = Tree::read();
    let rows: Vec<&str> = tree.0["docs/threat-model.md"].lines().filter(|line| line.starts_with("| <a id=")).collect();
    assert!(rows.len() > 50, "{}", rows.len());
    for row in rows {
        let shown = row.rsplit('`').nth(1).and_then(|quoted| quoted.split_once("::"));
        let (module, test) = shown.unwrap_or_else(|| panic!("no test: {row}"));
        let is_of_module = |path: &str| path.starts_with("tests/it/") && path.ends_with(&format!("/{module}.rs"));
        let has = |text: &String| text.contains(&format!("fn {test}("));
        let is_there = tree.0.iter().any(|(path, text)| is_of_module(path) && has(text));
        assert!(is_there, "there is no {module}::{test}");
    }
}

#[test]
fn the_version_of_rust_is_one() {
    let read = |file: &str| fs::read_to_string(Path::new(ROOT).join(file)).expect("because it is there");
    let toolchain = read("rust-toolchain.toml");
    let version = toolchain.split("channel = \"").nth(1).and_then(|rest| rest.split('"').next());
    let version = version.expect("because a channel is named");
    let (short, _) = version.rsplit_once('.').expect("because all three parts are named");
    assert!(read("Cargo.toml").contains(&format!("rust-version = \"{short}\"")), "Cargo.toml: {version}");
    assert!(read("README.md").contains(&format!("Rust {short} ")), "README.md: {version}");
    assert!(read(".github/workflows/ci.yml").contains(&format!("rust:{version}-")), "ci.yml: {version}");
}
