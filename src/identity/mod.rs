//! Whose a token is, where the token itself does not say. A hint for placement, never a permission: Synapse checks
//! the token, and a forged one can choose its worker and no more.

mod answer;
mod appservice;
mod cache;
mod lesson;
mod metrics;
mod settings;
mod tokens;
mod whoami;

pub use appservice::{Appservice, Appservices, Secret};
pub use lesson::Lesson;
pub use settings::Settings;
pub use tokens::Tokens;
pub use whoami::{Question, Whoami};

use tokens::TokenHash;
