//! Where clients come in: listeners, and the threads that talk with them.

mod arrival;
mod introduction;
mod listener;
mod settings;
mod threads;

pub use arrival::{Arrival, Entrance};
pub use listener::{Listener, accept};
pub use settings::Settings;
pub use threads::{Shared, Threads};
