//! Where clients come in: listeners, and the threads that talk with them.

mod listener;
mod settings;
mod threads;

pub use listener::{Listener, accept};
pub use settings::Settings;
pub use threads::{Arrival, Shared, Threads};
