//! The sources of the settings: the file, the environment (which takes precedence), and a separate file for each
//! secret.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use super::secret_file::{self, Unreadable};
use super::{ConfigError, KEYS};

/// The settings that contain a secret. Each may be read from a separate file, which the setting `{key}_file` names.
pub const SECRETS: &[&str] = &["secret", "database_url", "mail.url"];
/// The prefix of the environment variables.
const PREFIX: &str = "GATEPOST_";
/// The server creates this file when it is missing, so `start` reads it.
const BASE_KEY_FILE: &str = "secret_file";

/// The settings as text, by key.
pub(super) type Values = BTreeMap<&'static str, String>;

/// The settings, and the file that each secret was read from.
pub(super) struct Settings {
    pub values: Values,
    pub read_from: Values,
}

/// Returns the environment variables with the prefix `GATEPOST_`. Other variables may contain anything, also text that
/// is not UTF-8.
///
/// # Errors
/// [`ConfigError::Environment`]: such a variable is not UTF-8.
pub fn own_environment() -> Result<Vec<(String, String)>, ConfigError> {
    let named = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let own = named.filter(|(name, _)| name.starts_with(PREFIX));
    own.map(|(name, value)| match value.into_string() {
        Ok(value) => Ok((name, value)),
        Err(_other) => Err(ConfigError::Environment(name)),
    })
    .collect()
}

/// Reads the file, if one is given, the environment over it, and the files with secrets that either of them names.
pub(super) fn read(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Settings, ConfigError> {
    let mut values = Values::new();
    if let Some(file) = file {
        let text = std::fs::read_to_string(file).map_err(|error| ConfigError::File(file.to_owned(), error))?;
        let table = text.parse().map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            ConfigError::Syntax(file.to_owned(), before.matches('\n').count() + 1, error.message().to_owned())
        })?;
        flatten("", &table, &mut values)?;
        one_form_each(&values)?;
    }
    let environment = of_environment(environment);
    one_form_each(&environment)?;
    for (secret, file) in secrets() {
        if environment.contains_key(secret) || environment.contains_key(file) {
            values.remove(secret);
            values.remove(file);
        }
    }
    values.extend(environment);
    let mut read_from = Values::new();
    for (secret, file) in secrets().filter(|(_, file)| *file != BASE_KEY_FILE) {
        let Some(path) = values.get(file).cloned() else { continue };
        let text = secret_file::read(Path::new(&path)).map_err(|error| match error {
            Unreadable::Missing => ConfigError::Value(file, format!("{path} is not there")),
            Unreadable::Refused(reason) => ConfigError::Value(file, format!("{path}: {reason}")),
        })?;
        values.insert(secret, text.expose().trim().to_owned());
        read_from.insert(file, path);
    }
    Ok(Settings { values, read_from })
}

/// Returns each secret with the setting that names its file.
fn secrets() -> impl Iterator<Item = (&'static str, &'static str)> {
    let file_of = |secret: &str| KEYS.iter().map(|(key, _)| *key).find(|key| key.strip_suffix("_file") == Some(secret));
    SECRETS.iter().filter_map(move |secret| file_of(secret).map(|file| (*secret, file)))
}

/// Refuses a secret that is set by value and by file.
fn one_form_each(values: &Values) -> Result<(), ConfigError> {
    match secrets().find(|(secret, file)| values.contains_key(secret) && values.contains_key(file)) {
        Some((secret, file)) => Err(ConfigError::Value(file, format!("{secret} is set too; set one of them"))),
        None => Ok(()),
    }
}

fn of_environment(environment: impl Iterator<Item = (String, String)>) -> Values {
    let mut values = Values::new();
    for (name, value) in environment {
        let Some(name) = name.strip_prefix(PREFIX) else { continue };
        match KEYS.iter().find(|(key, _)| key.replace('.', "_").to_uppercase() == name) {
            Some((key, _)) => drop(values.insert(key, value)),
            None if name == "CONFIG" || name.starts_with("TEST_") => {}
            None => {
                let suggestion = suggestion(&name.to_lowercase());
                // A warning that cannot be written does not stop the program.
                drop(writeln!(std::io::stderr(), "warning: GATEPOST_{name} is no setting{suggestion}"));
            }
        }
    }
    values
}

fn flatten(prefix: &str, table: &toml::Table, values: &mut Values) -> Result<(), ConfigError> {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        if let toml::Value::Table(inner) = value {
            flatten(&key, inner, values)?;
            continue;
        }
        let Some((known, _)) = KEYS.iter().find(|(known, _)| *known == key) else {
            return Err(ConfigError::UnknownKey(key.clone(), suggestion(&key)));
        };
        let wrong = "must be text, a whole number, true or false, or a list of texts";
        let text = match value {
            toml::Value::String(text) => Some(text.clone()),
            toml::Value::Array(list) => {
                let texts: Option<Vec<&str>> = list.iter().map(toml::Value::as_str).collect();
                texts.map(|texts| texts.join(","))
            }
            toml::Value::Integer(number) => Some(number.to_string()),
            toml::Value::Boolean(flag) => Some(flag.to_string()),
            toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
        };
        values.insert(known, text.ok_or_else(|| ConfigError::Value(known, wrong.to_owned()))?);
    }
    Ok(())
}

fn suggestion(key: &str) -> String {
    let distance = |known: &str| strsim::damerau_levenshtein(&known.replace('.', "_"), &key.replace('.', "_"));
    let nearest = KEYS.iter().map(|(known, _)| (distance(known), known)).min();
    match nearest {
        Some((distance, known)) if distance <= 4 => format!("; did you mean '{known}'?"),
        _ => "; see `gatepost config show`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE_KEY: &str = "1:abababababababababababababababababababababababababababababababab";

    fn value_of(secret: &str) -> &'static str {
        match secret {
            "secret" => BASE_KEY,
            "database_url" => "postgres://gatepost:hunter2@db/gatepost",
            "mail.url" => "smtp://gatepost:hunter2@mail.example:587",
            other => panic!("{other} has no value here"),
        }
    }

    fn variable(key: &str) -> String {
        format!("GATEPOST_{}", key.replace('.', "_").to_uppercase())
    }

    fn from(file: Option<&Path>, environment: &[(String, String)]) -> Result<Settings, ConfigError> {
        read(file, environment.iter().cloned())
    }

    /// Each secret has four sources: by value or by file, in the settings file or in the environment.
    #[test]
    fn every_secret_may_be_a_value_or_a_file_of_its_own_and_the_environment_wins() {
        let folder = tempfile::tempdir().expect("because the system has a temporary folder");
        let write = |name: &str, text: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, text).expect("because the folder is ours");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(&file, mode).expect("because the file is ours");
            file
        };
        assert_eq!(secrets().count(), SECRETS.len(), "a secret has no setting for its file");
        for (secret, file) in secrets() {
            let held = write("held", &format!("{}\n", value_of(secret))).display().to_string();
            let by_file = [(variable(file), held.clone())];
            let by_value = [(variable(secret), value_of(secret).to_owned())];
            let other = write("gatepost.toml", &toml_line(secret, "other"));
            let named = write("named.toml", &toml_line(file, &held));
            if file != BASE_KEY_FILE {
                for (settings_file, environment) in
                    [(None, by_file.as_slice()), (Some(other.as_path()), &by_file), (Some(&named), &[])]
                {
                    let found = from(settings_file, environment).expect("because one form is given");
                    assert_eq!(found.values.get(secret).map(String::as_str), Some(value_of(secret)));
                    assert_eq!(found.read_from.get(file), Some(&held));
                }
                let lost = [(variable(file), "/no/such/file".to_owned())];
                assert!(from(None, &lost).is_err(), "{file} may be lost");
            }
            let found = from(Some(&named), &by_value).expect("because the environment wins");
            assert_eq!(found.values.get(secret).map(String::as_str), Some(value_of(secret)));
            assert!(found.read_from.is_empty() && !found.values.contains_key(file));
            assert!(from(None, &[by_file, by_value].concat()).is_err(), "{secret} may be given twice");
        }
    }

    fn toml_line(key: &str, value: &str) -> String {
        match key.split_once('.') {
            Some((table, key)) => format!("[{table}]\n{key} = \"{value}\"\n"),
            None => format!("{key} = \"{value}\"\n"),
        }
    }

    #[test]
    fn a_broken_file_is_told_by_its_line_and_not_by_its_words() {
        let folder = tempfile::tempdir().expect("because the system has a temporary folder");
        let file = folder.path().join("gatepost.toml");
        for (text, line) in [
            ("# ours\ndatabase_url = \"postgres://gatepost:hunter2@db", "line 2"),
            ("[mail]\nurl = hunter2", "line 2"),
            ("secret = 'hunter2' hunter2", "line 1"),
        ] {
            std::fs::write(&file, text).expect("because the folder is ours");
            let said = from(Some(&file), &[]).err().expect("because it is broken").to_string();
            assert!(said.contains(line) && !said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn a_list_holds_texts_only() {
        let folder = tempfile::tempdir().expect("because the system has a temporary folder");
        let file = folder.path().join("gatepost.toml");
        for (text, is_right) in [
            ("trusted_proxies = ['127.0.0.1']", true),
            ("trusted_proxies = ['127.0.0.1', 2]", false),
            ("listen = 1.5", false),
        ] {
            std::fs::write(&file, text).expect("because the folder is ours");
            assert_eq!(from(Some(&file), &[]).is_ok(), is_right, "{text}");
        }
    }
}
