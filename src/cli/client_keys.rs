//! The options for the keys that an application authenticates with.

use clap::Args;

use super::CommandError;
use crate::domain::registration::Draft;

/// The options for the keys of an application.
#[derive(Args, Default)]
pub struct Keys {
    /// A file with the public keys that it authenticates with (a JSON Web Key Set); - is standard input.
    #[arg(long, value_name = "FILE")]
    jwks: Option<String>,
    /// Where it publishes those keys instead.
    #[arg(long, value_name = "URL", conflicts_with = "jwks")]
    jwks_uri: Option<String>,
    /// How it signs with them: one of the server's metadata; none for what each key says.
    #[arg(long, value_name = "ALGORITHM")]
    token_endpoint_auth_signing_alg: Option<String>,
}

impl Keys {
    /// Overwrites the members of a draft with the options that were given.
    ///
    /// # Errors
    /// When the file with the keys cannot be read.
    pub fn apply(self, draft: &mut Draft) -> Result<(), CommandError> {
        if let Some(file) = self.jwks {
            let refused = |error| CommandError::Refused(format!("jwks: {error}"));
            draft.jwks = Some(std::io::read_to_string(open(&file)?).map_err(refused)?);
            draft.jwks_uri = None;
        }
        if self.jwks_uri.is_some() {
            (draft.jwks, draft.jwks_uri) = (None, self.jwks_uri);
        }
        if let Some(algorithm) = self.token_endpoint_auth_signing_alg {
            draft.token_endpoint_auth_signing_alg = Some(algorithm).filter(|algorithm| algorithm != "none");
        }
        Ok(())
    }
}

/// Opens a file, or standard input for the name `-`.
fn open(file: &str) -> Result<Box<dyn std::io::Read>, CommandError> {
    if file == "-" {
        return Ok(Box::new(std::io::stdin()));
    }
    let opened = std::fs::File::open(file);
    Ok(Box::new(opened.map_err(|error| CommandError::Refused(format!("{file}: {error}")))?))
}
