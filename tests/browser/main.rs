//! The map of the browser tests: journeys of a person with a real Chromium, which chromedriver drives. Each test
//! starts a server, a browser and the third parties of its own (see `harness`). Both programs must be installed;
//! without them the first test says so in one line and ends the run. `scripts/test` decides whether to run it, and
//! leaves out what needs nginx (every test with `nginx` in its name) where there is none.

mod axe;
mod consent;
mod cross_site;
mod demo;
mod developer;
mod email_pictures;
mod harness;
mod keyboard;
mod log_in;
mod login_redirect;
mod login_return;
mod name_pictures;
mod nginx;
mod onward;
mod own_pages;
mod passkeys;
mod people;
mod people_pictures;
mod pictures;
mod portraits;
mod protocol_pictures;
mod recovery;
mod sign_in_pictures;
mod signing_in;
mod signing_up;
mod tabs;
mod throttle;
mod token_pictures;
mod tokens;
