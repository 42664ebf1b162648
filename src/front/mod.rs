//! Where clients come in: listeners, and the threads that talk with them.

mod arrival;
mod certificates;
pub mod introduction;
mod listener;
mod places;
mod security;
mod settings;
mod threads;

pub use arrival::{Arrival, Entrance};
pub use certificates::{Certificate, CertificateFault, CertificateFiles, Certificates};
pub use listener::{Listener, accept};
pub use places::Bounds;
pub use security::Security;
pub use settings::Settings;
pub use threads::{Shared, Threads};
