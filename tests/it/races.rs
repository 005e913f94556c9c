//! What is looked at and then written, by many at the same moment, on both databases: no limit is passed.

use futures_util::future::join_all;
use gatepost::store::turns::{self, Turn};

use crate::harness::pages::count_in;
use crate::harness::{self, execute};

#[actix_web::test]
async fn those_who_take_turns_see_what_the_one_before_them_wrote() {
    let server = harness::spawn().await;
    server.write(|tx| execute(tx, "CREATE TABLE marks (number BIGINT NOT NULL)")).await;
    let network = harness::random_word(12);
    let made = join_all((0..60).map(|number: i64| {
        let network = network.clone();
        server.app.store.write(move |tx| {
            turns::take(tx, &[Turn::Waiting(&network), Turn::Host(&network)])?;
            let has_room = count_in(tx, "marks")? < 10;
            if has_room {
                execute(tx, &format!("INSERT INTO marks (number) VALUES ({number})"))?;
            }
            Ok(has_room)
        })
    }))
    .await;
    assert_eq!(made.into_iter().filter(|made| matches!(made, Ok(true))).count(), 10);
    assert_eq!(server.count("marks").await, 10);
}
