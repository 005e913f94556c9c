//! What the documents promise: the prefixes, the pattern and the checksum of tokens are those of the program.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gatepost::domain::id::Id;
use gatepost::domain::token::{self, Kind, PersonalToken, Token};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const README: &str = include_str!("../../README.md");
const TOKENS: &str = include_str!("../../docs/tokens.md");
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The first block of this language.
fn block(language: &str) -> &'static str {
    let found = TOKENS.split(&format!("```{language}\n")).nth(1).and_then(|rest| rest.split("\n```").next());
    found.unwrap_or_else(|| panic!("no block of {language}"))
}

/// A value of the worked example.
fn example(name: &str) -> &'static str {
    let line = block("text").lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name} in the example")).trim()
}

/// The letters of the document's pattern.
fn letters() -> &'static str {
    let pattern = block("regex").strip_prefix("\\bgp[").and_then(|rest| rest.strip_suffix("]_[0-9A-Za-z]{60}\\b"));
    pattern.expect("because the test knows the pattern's form")
}

/// CRC-32 bit by bit, as a reader of the document would write it.
fn crc32(text: &str) -> u32 {
    !text.bytes().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 })
    })
}

/// The document's rule, by its words.
fn follows_the_rule(word: &str) -> bool {
    let fits = word.len() == 64
        && word.strip_prefix("gp").and_then(|rest| rest.split_once('_')).is_some_and(|(letter, rest)| {
            letter.len() == 1 && letters().contains(letter) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    let mut number = if fits { crc32(&word[..58]) } else { return false };
    let mut checksum = [0; 6];
    for digit in checksum.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    word.as_bytes().ends_with(&checksum)
}

#[test]
fn the_example_of_a_token_is_one_step_by_step() {
    let token = example("token");
    assert_eq!(Token::<PersonalToken>::parse(token).map(|token| token.expose().len()), Ok(token::LENGTH));
    assert_eq!((example("first 58"), example("base 62")), token.split_at(58));
    assert_eq!(example("CRC-32"), crc32(example("first 58")).to_string());
    assert!(follows_the_rule(token));
}

#[test]
fn every_kind_of_token_stands_in_the_document_and_follows_its_rule() {
    fn one<K: Kind>(seen: &mut String) {
        for number in [1, 987_654_321_012_345, i64::MAX] {
            let token = Token::<K>::generate(Id::from_number(number));
            assert!(follows_the_rule(token.expose()), "{}", token.expose());
        }
        assert!(TOKENS.contains(&format!("| `gp{}_` |", K::LETTER)), "gp{}_ has no row", K::LETTER);
        seen.push(K::LETTER);
    }
    let mut seen = String::new();
    one::<token::UserToken>(&mut seen);
    one::<token::AccessToken>(&mut seen);
    one::<token::PersonalToken>(&mut seen);
    one::<token::StudioToken>(&mut seen);
    one::<token::GeneratorToken>(&mut seen);
    one::<token::FilesetToken>(&mut seen);
    one::<token::LoginCode>(&mut seen);
    one::<token::RefreshToken>(&mut seen);
    one::<token::AuthorizationCode>(&mut seen);
    one::<token::ClientSecret>(&mut seen);
    one::<token::SessionKey>(&mut seen);
    one::<token::SignInStep>(&mut seen);
    one::<token::RememberedBrowser>(&mut seen);
    one::<token::SetupLink>(&mut seen);
    one::<token::PushedRequest>(&mut seen);
    one::<token::DeviceCode>(&mut seen);
    one::<token::RegistrationToken>(&mut seen);
    one::<token::InitialAccessToken>(&mut seen);
    let mut seen: Vec<char> = seen.chars().collect();
    seen.sort_unstable();
    assert_eq!(seen.into_iter().collect::<String>(), letters());
    assert_eq!(TOKENS.matches("\n| `gp").count(), letters().len(), "a row for a kind that does not exist");
    assert_eq!(token::LETTERS.len(), letters().len(), "a kind that this test does not know");
}

#[test]
fn the_documents_program_tells_tokens_from_noise() {
    let token = Token::<PersonalToken>::generate(Id::from_number(42)).expose().to_owned();
    let changed = format!("{}0{}", &token[..30], &token[31..]);
    let changed = if changed == token { format!("{}1{}", &token[..30], &token[31..]) } else { changed };
    let program = format!("{}\nimport sys\nprint([is_token(word) for word in sys.argv[1:]])", block("python"));
    let mut command = Command::new("python3");
    command.arg("-c").arg(program).args([&token, &changed, &token[1..], &format!("{token}0")]).stdin(Stdio::null());
    match command.output() {
        Ok(output) => assert_eq!(String::from_utf8_lossy(&output.stdout), "[True, False, False, False]\n"),
        // Python is no part of what the tests need; its rule is tested above.
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
    }
}

/// The rows of the table of what the program speaks: its columns.
fn spoken() -> Vec<[&'static str; 3]> {
    let table = README.split("## What it speaks").nth(1).and_then(|rest| rest.split("\n## ").next());
    let rows = table.expect("because the section is there").lines().filter(|line| line.starts_with("| "));
    let columns = |line: &'static str| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        <[&str; 3]>::try_from(cells).unwrap_or_else(|cells| panic!("three columns: {cells:?}"))
    };
    rows.skip(1).map(columns).collect()
}

/// What stands between backticks and is a path; `a/{b,c}.rs` is two.
fn paths(cell: &str) -> Vec<String> {
    let quoted = cell.split('`').skip(1).step_by(2).filter(|text| text.contains(['/', '.']));
    let written_out =
        |text: &str| match text.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
            Some((before, (names, after))) => names.split(',').map(|name| format!("{before}{name}{after}")).collect(),
            None => vec![text.to_owned()],
        };
    quoted.flat_map(written_out).collect()
}

/// The files that a name of the last column means: of `tests/it` when it has no folder; `*` is any text.
fn tests_named(name: &str) -> Vec<PathBuf> {
    let name = if name.contains('/') { name.to_owned() } else { format!("tests/it/{name}") };
    let path = Path::new(ROOT).join(&name);
    let Some((before, after)) = name.split_once('*') else {
        return vec![path].into_iter().filter(|path| path.exists()).collect();
    };
    let folder = path.parent().expect("because it is below the root").read_dir().expect("because the folder is there");
    let here = folder.map(|entry| entry.expect("because it can be read").path());
    let is_meant = |path: &PathBuf| {
        let text = path.strip_prefix(ROOT).ok().and_then(Path::to_str).unwrap_or_default();
        text.starts_with(before) && text.ends_with(after)
    };
    here.filter(is_meant).collect()
}

#[test]
fn each_line_of_what_it_speaks_names_files_that_are_there_and_tests_that_run() {
    let map = std::fs::read_to_string(Path::new(ROOT).join("tests/it/main.rs")).expect("because it is there");
    let rows = spoken();
    assert!(rows.len() > 30, "{}", rows.len());
    for [standard, sources, tests] in rows {
        for path in paths(sources) {
            assert!(Path::new(ROOT).join(&path).exists(), "{standard}: there is no {path}");
        }
        let named = paths(tests);
        assert!(!named.is_empty(), "{standard}: a line without a test is not in the table");
        for name in named {
            let files = tests_named(&name);
            assert!(!files.is_empty(), "{standard}: there is no {name}");
            for file in files.iter().filter(|file| file.parent().is_some_and(|folder| folder.ends_with("tests/it"))) {
                let module = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
                let text = std::fs::read_to_string(file).expect("because it is there");
                let is_run = map.contains(&format!("\nmod {module};")) && text.contains("test]\n");
                assert!(is_run, "{standard}: {name} has no test that runs");
            }
        }
    }
}
