//! The tree's own laws: what a reader may rely on anywhere in it, checked over the text of every file.
//!
//! A law is a function from text to violations, with a test that a planted violation is found. The test at the end
//! runs all of them over the real tree.

mod layers;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use source::{Source, is_of_a_word};

const LONGEST_FILE: usize = 400;

/// The schema is one list, which a test compares with the database.
const MAY_BE_LONG: [&str; 1] = ["src/schema.rs"];

/// A law that is broken at one place.
pub struct Violation {
    place: String,
    law: String,
}

impl Violation {
    /// `position` is an offset in any view of the source.
    fn at(source: &Source, position: usize, law: String) -> Self {
        Self::on_line(source, line_of(&source.code, position), law)
    }

    fn on_line(source: &Source, line: usize, law: String) -> Self {
        Self { place: format!("{}:{line}", source.path), law }
    }

    fn of_file(path: &str, law: String) -> Self {
        Self { place: format!("{path}:1"), law }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.law)
    }
}

fn line_of(view: &str, position: usize) -> usize {
    view.as_bytes()[..position].iter().filter(|byte| **byte == b'\n').count() + 1
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter| !is_of_a_word(letter)).filter(|word| !word.is_empty())
}

/// A file is short enough to be read at once.
fn no_long_file(source: &Source) -> Vec<Violation> {
    let lines = source.text.lines().count();
    let law = format!("a file has at most {LONGEST_FILE} lines; this one has {lines}");
    let is_long = lines > LONGEST_FILE && !MAY_BE_LONG.contains(&source.path.as_str());
    if is_long { vec![Violation::on_line(source, lines, law)] } else { Vec::new() }
}

/// Nothing is left for later: finish it, or say it in the note.
fn nothing_left_for_later(source: &Source) -> Vec<Violation> {
    const NOTES: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    const MACROS: [&str; 3] = ["todo!", "unimplemented!", "dbg!"];
    let mut violations = Vec::new();
    for (number, (comments, code)) in source.comments.lines().zip(source.code.lines()).enumerate() {
        let noted = NOTES.into_iter().filter(|note| words(comments).any(|word| word == *note));
        for left in noted.chain(MACROS.into_iter().filter(|name| code.contains(name))) {
            violations.push(Violation::on_line(
                source,
                number + 1,
                format!("nothing is left for later; here is `{left}`"),
            ));
        }
    }
    violations
}

/// Code that ships says why it cannot fail, or hands the error on.
fn no_unwrap(source: &Source) -> Vec<Violation> {
    if source.room().is_none() {
        return Vec::new();
    }
    let lines = source.shipped_code();
    let broken = lines.lines().enumerate().filter(|(_, line)| line.contains(".unwrap()"));
    let law = || "an error is handed on, or `expect` says why there is none".to_owned();
    broken.map(|(number, _)| Violation::on_line(source, number + 1, law())).collect()
}

/// Each public item says what it is: a function what it returns, a type what it holds. Fields and variants need a
/// comment only where their name leaves out a unit, a range or a meaning, so the compiler's own lint asks too much.
fn items_are_documented(source: &Source) -> Vec<Violation> {
    const KINDS: [&str; 8] = ["fn", "struct", "enum", "trait", "type", "const", "static", "union"];
    if source.room().is_none_or(|room| room == "schema") {
        return Vec::new();
    }
    let (code, text): (String, Vec<&str>) = (source.shipped_code(), source.text.lines().collect());
    let is_item = |line: &str| {
        let Some(rest) = line.trim_start().strip_prefix("pub ") else { return false };
        let words: Vec<&str> = rest.split_whitespace().collect();
        let modifiers = words.iter().take_while(|word| matches!(**word, "async" | "const" | "unsafe")).count();
        // `pub const NAME` is an item too.
        let is_kind = |at: usize| words.get(at).is_some_and(|word| KINDS.contains(word));
        !rest.contains('$') && (is_kind(modifiers) || is_kind(0))
    };
    let mut violations = Vec::new();
    for (number, _) in code.lines().enumerate().filter(|(_, line)| is_item(line)) {
        let is_attribute = |line: &&&str| line.trim_start().starts_with("#[") || matches!(line.trim(), ")]" | "]");
        let above = text[..number].iter().rev().find(|line| !is_attribute(line));
        if !above.is_some_and(|line| line.trim_start().starts_with("///")) {
            violations.push(Violation::on_line(source, number + 1, "a public item has a doc comment".to_owned()));
        }
    }
    violations
}

/// Each migration has what both databases run, nothing that takes it back, and is embedded. `files` are paths below
/// `migrations/`.
fn migrations_are_whole(files: &BTreeSet<String>, embedding: &Source) -> Vec<Violation> {
    let mut violations = Vec::new();
    let folders: BTreeSet<&str> =
        files.iter().filter_map(|file| file.split_once('/')).map(|(folder, _)| folder).collect();
    for folder in folders {
        let path = format!("migrations/{folder}");
        if !files.contains(&format!("{folder}/up.sql")) {
            violations.push(Violation::of_file(&path, "a migration has up.sql".to_owned()));
        }
        if files.contains(&format!("{folder}/down.sql")) {
            violations.push(Violation::of_file(&path, "a migration only adds: it has no down.sql".to_owned()));
        }
        if !embedding.strings.split_whitespace().any(|name| name == folder) {
            violations.push(Violation::of_file(&path, format!("a migration is named in {}", embedding.path)));
        }
    }
    violations
}

/// Each template is rendered by Rust or used by another template.
fn templates_are_used(templates: &BTreeMap<String, String>, sources: &[Source]) -> Vec<Violation> {
    let mut used: BTreeSet<String> = BTreeSet::new();
    for source in sources.iter().filter(|source| source.room().is_some()) {
        let attributes = source.text.split("#[template(").skip(1).filter_map(|rest| rest.split_once("path"));
        used.extend(attributes.filter_map(|(_, rest)| rest.split('"').nth(1)).map(str::to_owned));
    }
    for (user, text) in templates {
        for tag in text.split("{%").skip(1).filter_map(|rest| rest.split("%}").next()) {
            if matches!(words(tag).next(), Some("extends" | "include" | "import")) {
                let name = tag.split('"').nth(1).unwrap_or_default();
                let beside = user.rsplit_once('/').map(|(folder, _)| format!("{folder}/{name}"));
                used.extend([Some(name.to_owned()), beside].into_iter().flatten().filter(|name| name != user));
            }
        }
    }
    let unused = templates.keys().filter(|name| !used.contains(*name));
    let law = || "a template is rendered by a `#[template(path = …)]` or used by another template".to_owned();
    unused.map(|name| Violation::of_file(&format!("templates/{name}"), law())).collect()
}

/// Each static file is named by code that serves it.
fn static_files_are_served(files: &BTreeSet<String>, sources: &[Source]) -> Vec<Violation> {
    let names: BTreeSet<&str> = sources
        .iter()
        .filter(|source| source.room().is_some())
        .flat_map(|source| source.strings.split_whitespace())
        .map(|path| path.rsplit_once("static/").map_or(path, |(_, name)| name))
        .collect();
    let unserved = files.iter().filter(|file| !names.contains(file.as_str()));
    unserved
        .map(|file| Violation::of_file(&format!("static/{file}"), "a static file is named in src".to_owned()))
        .collect()
}

const LAWS_OF_A_FILE: [fn(&Source) -> Vec<Violation>; 6] = [
    layers::one_way_only,
    layers::libraries_stay_in_their_rooms,
    no_long_file,
    nothing_left_for_later,
    no_unwrap,
    items_are_documented,
];

/// Every file below a folder of the package, by its path below that folder.
fn files_below(folder: &str) -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let (mut files, mut folders) = (BTreeMap::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("because the folder was just opened").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).expect("because it was found below").display().to_string();
                let bytes = fs::read(&path).expect("because it was just listed");
                files.insert(name.replace('\\', "/"), String::from_utf8_lossy(&bytes).into_owned());
            }
        }
    }
    files
}

fn names(files: &BTreeMap<String, String>) -> BTreeSet<String> {
    files.keys().filter(|name| !name.starts_with('.')).cloned().collect()
}

#[test]
fn the_tree_keeps_its_laws() {
    let in_folder =
        |folder| files_below(folder).into_iter().map(move |(name, text)| (format!("{folder}/{name}"), text));
    let sources: Vec<Source> = ["src", "tests", "benches"]
        .into_iter()
        .flat_map(in_folder)
        .filter(|(path, _)| path.ends_with(".rs"))
        .map(|(path, text)| Source::parse(&path, &text))
        .collect();
    let embedding = sources.iter().find(|source| source.path == "src/store/migrations.rs");
    let embedding = embedding.expect("because the store embeds its migrations there");
    let mut violations: Vec<Violation> =
        sources.iter().flat_map(|source| LAWS_OF_A_FILE.iter().flat_map(move |law| law(source))).collect();
    violations.extend(migrations_are_whole(&names(&files_below("migrations")), embedding));
    violations.extend(templates_are_used(&files_below("templates"), &sources));
    violations.extend(static_files_are_served(&names(&files_below("static")), &sources));
    let said: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(said.is_empty(), "{} laws are broken:\n{}", said.len(), said.join("\n"));
}

fn said(violations: Vec<Violation>) -> Vec<String> {
    violations.iter().map(ToString::to_string).collect()
}

#[test]
fn a_long_file_is_found() {
    let lines = |count| Source::parse("tests/it/x.rs", &"x\n".repeat(count));
    assert_eq!(said(no_long_file(&lines(401))), ["tests/it/x.rs:401: a file has at most 400 lines; this one has 401"]);
    assert!(no_long_file(&lines(400)).is_empty());
    assert!(no_long_file(&Source::parse("src/schema.rs", &"x\n".repeat(401))).is_empty());
}

#[test]
fn work_left_for_later_is_found_in_comments_and_code_only() {
    let note = concat!("TO", "DO");
    let planted = format!("fn f() {{\n    // {note}: the rest\n    todo!()\n}}\n/* {} */", concat!("FIX", "ME"));
    let found = nothing_left_for_later(&Source::parse("src/x.rs", &planted));
    let places: Vec<&str> = found.iter().map(|violation| violation.place.as_str()).collect();
    assert_eq!(places, ["src/x.rs:2", "src/x.rs:3", "src/x.rs:5"]);
    let fine = format!("const A: &str = \"{note} todo!\"; // the {note}S");
    assert!(nothing_left_for_later(&Source::parse("src/x.rs", &fine)).is_empty());
}

#[test]
fn an_unwrap_is_found_where_it_ships() {
    let text = "fn f() {\n    g()\n        .unwrap();\n}\n#[cfg(test)]\nmod tests {\n    fn h() { g().unwrap() }\n}";
    let found = said(no_unwrap(&Source::parse("src/x.rs", text)));
    assert_eq!(found, ["src/x.rs:3: an error is handed on, or `expect` says why there is none"]);
    assert!(no_unwrap(&Source::parse("tests/it/x.rs", text)).is_empty());
}

#[test]
fn a_public_item_without_a_doc_comment_is_found() {
    let text = "/// A.\n#[derive(Debug)]\npub struct A {\n    pub field: u8,\n}\npub async fn f() {}\n\npub const B: u8 = 1;\n\
                pub(crate) fn g() {}\n#[cfg(test)]\nmod tests {\n    pub fn h() {}\n}";
    let found = said(items_are_documented(&Source::parse("src/domain/x.rs", text)));
    assert_eq!(
        found,
        ["src/domain/x.rs:6: a public item has a doc comment", "src/domain/x.rs:8: a public item has a doc comment"]
    );
    assert!(items_are_documented(&Source::parse("tests/it/x.rs", text)).is_empty());
}

#[test]
fn a_migration_without_a_file_or_a_place_in_the_code_is_found() {
    let files = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let embedding = Source::parse("src/store/migrations.rs", "embedded![\"1_house\", \"2_half\"]; // 3_lost");
    let whole = ["1_house/up.sql", "1_house/sqlite.sql", "1_house/postgres.sql"];
    assert!(migrations_are_whole(&files(&whole), &embedding).is_empty());
    let broken = migrations_are_whole(&files(&["2_half/sqlite.sql", "3_lost/up.sql", "3_lost/down.sql"]), &embedding);
    assert_eq!(
        said(broken),
        [
            "migrations/2_half:1: a migration has up.sql",
            "migrations/3_lost:1: a migration only adds: it has no down.sql",
            "migrations/3_lost:1: a migration is named in src/store/migrations.rs"
        ]
    );
}

#[test]
fn a_template_that_nothing_uses_is_found() {
    let template = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let templates = BTreeMap::from([
        template("base.html", "{% include \"_mark.html\" %}"),
        template("_mark.html", ""),
        template("a/page.html", "{%- extends \"base.html\" -%}{% import \"_row.html\" as row %}"),
        template("a/_row.html", ""),
        template("lost.html", "{% include \"lost.html\" %} {# a/page.html #}"),
    ]);
    let page = Source::parse(
        "src/web/x.rs",
        "#[derive(Template)]\n#[template(\n    path = \"a/page.html\", print = \"none\")]",
    );
    let found = templates_are_used(&templates, &[page]);
    let places: Vec<&str> = found.iter().map(|violation| violation.place.as_str()).collect();
    assert_eq!(places, ["templates/lost.html:1"]);
}

#[test]
fn a_static_file_that_nothing_serves_is_found() {
    let files = ["app.css", "css"].iter().map(|name| (*name).to_owned()).collect();
    let server = Source::parse("src/web/x.rs", "include_bytes!(\"../../static/app.css\") // css");
    let found = static_files_are_served(&files, &[server]);
    assert_eq!(said(found), ["static/css:1: a static file is named in src"]);
}
