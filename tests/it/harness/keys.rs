//! Signing keys for every test's server: one RSA key for all of them, since a new one takes a while.

use std::sync::OnceLock;

use actix_web::web::Data;
use gatepost::cli::start;
use gatepost::domain::jose::private_key::PrivateKey;
use gatepost::domain::signing_key::{SigningAlgorithm, Succession};
use gatepost::oauth::signing;
use gatepost::store::signing_keys;
use gatepost::web::app::App;

static RSA: OnceLock<PrivateKey> = OnceLock::new();

/// Gives a new server its keys; one that starts again has them.
pub async fn make(app: &Data<App>) {
    let algorithm = SigningAlgorithm::Rs256;
    let known = app.store.read(move |db| signing_keys::find_newest(db, algorithm)).await;
    if known.expect("because the database of a test works").is_none() {
        let key = RSA.get_or_init(|| PrivateKey::generate(algorithm).expect("because the library works"));
        let kept = signing::store_key(&app.store, &app.token_settings, app.now(), key, Succession::Announced).await;
        assert!(kept.expect("because the database of a test works").is_some());
    }
    start::keys(app).await.expect("because the base key fits");
}
