//! What the security log tells of accounts: made, changed, told of by letter, and left.

use actix_web::http::Method;
use serde_json::json;

use super::NEW;
use crate::harness::PASSWORD;
use crate::security_log_table::Witness;

pub async fn accounts_by_program(witness: &mut Witness) {
    let nobody = witness.server.nobody();
    let body = json!({ "username": "dora", "email": "dora@people.example", "password": PASSWORD });
    witness.news().await;
    nobody.post("/v3/account", &body).await.success();
    witness.tells("POST", "/v3/account").await;
    let dora = witness.server.log_in("dora").await;
    witness.tells("POST", "/v3/account/login").await;
    dora.send(Method::PUT, "/v3/account/username", &[], &json!({ "username": "dorothea" })).await.success();
    witness.tells("PUT", "/v3/account/username").await;
    let passwords = json!({ "oldPassword": PASSWORD, "newPassword": NEW });
    dora.post("/v3/account/security/password/update", &passwords).await.success();
    witness.tells("POST", "/v3/account/security/password/update").await;
    dora.delete("/v3/account").await.success();
    witness.tells("DELETE", "/v3/account").await;
}

pub async fn messages(witness: &mut Witness) {
    let root = witness.server.log_in("root").await;
    let nobody = witness.server.nobody();
    witness.mailbox.take(&witness.server).await;
    witness.news().await;
    root.post("/v3/user/invite", &json!({ "email": "erin@people.example" })).await.success();
    witness.tells("POST", "/v3/user/invite").await;
    let reader = witness.server.person("rita").await.id.uuid();
    witness.news().await;
    root.post(&format!("/v3/user/{reader}/contact"), &json!({ "message": "Hello" })).await.success();
    witness.tells("POST", "/v3/user/{id}/contact").await;
    let link = witness.mailbox.take_about(&witness.server, "You are invited").await.link();
    let mut erin = witness.server.browser();
    let page = erin.open(&link).await;
    erin.submit(page.form_with("Create account").fill("username", "erin").fill("password", PASSWORD)).await;
    witness.tells("POST", "/invitation").await;
    let update = json!({ "email": "root@new.example", "password": PASSWORD });
    root.post("/v3/account/security/email/update", &update).await.success();
    witness.tells("POST", "/v3/account/security/email/update").await;
    let sent = witness.mailbox.take(&witness.server).await;
    let to_new = sent.iter().find(|message| message.to == "root@new.example").expect("because it was asked for");
    let validate = json!({ "token": to_new.key(), "password": PASSWORD });
    nobody.post("/v3/account/security/email/validate", &validate).await.success();
    witness.tells("POST", "/v3/account/security/email/validate").await;
    nobody.post("/v3/account/security/password/reset", &json!({ "email": "root@new.example" })).await.success();
    witness.tells("POST", "/v3/account/security/password/reset").await;
    let reset = witness.mailbox.take_about(&witness.server, "Set a new password").await;
    let finish = json!({ "token": reset.key(), "newPassword": NEW });
    nobody.post("/v3/account/security/password/validate", &finish).await.success();
    witness.tells("POST", "/v3/account/security/password/validate").await;
    nobody.post("/v3/account/security/password/reset", &json!({ "email": "nobody@people.example" })).await.success();
    assert_eq!(witness.news().await, [""; 0], "a stranger's question tells nobody");
}

pub async fn emails_on_pages(witness: &mut Witness) {
    let mut carol = witness.server.browser();
    let page = carol.open("/register").await;
    let form = page.form_with("Create account").fill("username", "carol").fill("email", "carol@people.example");
    carol.submit(form.fill("password", PASSWORD)).await;
    witness.tells("POST", "/register").await;
    let link = witness.mailbox.take_about(&witness.server, "Confirm your e-mail address").await.link();
    let page = carol.open(&link).await;
    carol.submit(page.form_with("Confirm address").fill("password", PASSWORD)).await;
    witness.tells("POST", "/verify").await;
    let mut elsewhere = witness.server.browser();
    let page = elsewhere.open("/reset").await;
    elsewhere.submit(page.form_with("Send the link").fill("username", "carol")).await;
    witness.tells("POST", "/reset").await;
    let link = witness.mailbox.take_about(&witness.server, "Set a new password").await.link();
    let page = elsewhere.open(&link).await;
    elsewhere.submit(page.form_with("Set password").fill("password", NEW)).await;
    witness.tells("POST", "/reset/finish").await;
}

pub async fn own_pages(witness: &mut Witness) {
    witness.server.person("nora").await;
    let mut nora = witness.server.browser();
    nora.sign_in("nora").await;
    witness.mailbox.take(&witness.server).await;
    witness.news().await;
    let page = nora.open("/account/profile").await;
    nora.submit(page.form_with("Save profile").fill("username", "norah")).await;
    witness.tells("POST", "/account/profile").await;
    let page = nora.open("/account/security/password").await;
    let form = page.form_with("Change password").fill("current_password", PASSWORD);
    nora.submit(form.fill("new_password", NEW)).await;
    witness.tells("POST", "/account/security/password").await;
    witness.mailbox.take(&witness.server).await;
    let page = nora.open("/account/delete").await;
    nora.submit(page.form_with("Delete account").fill("confirm", "norah").fill("password", NEW)).await;
    witness.tells("POST", "/account/delete").await;
    let message = witness.mailbox.take_about(&witness.server, "Your account will be deleted").await;
    let page = nora.open(&message.link()).await;
    nora.submit(page.form_with("Keep my account")).await;
    witness.tells("POST", "/keep").await;
    let not_me = message.whole.lines().find(|line| line.starts_with("http") && line.contains("/not-me?key="));
    let page = nora.open(not_me.expect("because it stands in every such letter").trim()).await;
    let page = nora.submit(page.form_with("End everything")).await;
    witness.tells("POST", "/not-me").await;
    nora.submit(page.form_with("Set password").fill("password", PASSWORD)).await;
    witness.news().await;
    let page = nora.open("/account/not-me").await;
    nora.submit(page.form_with("End everything")).await;
    witness.tells("POST", "/account/not-me").await;
}
