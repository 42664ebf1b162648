//! What we tell the admin: reasons, the access log, metrics.

mod access_log;
mod labels;
mod metrics;
mod reason;
mod record;
mod reloads;
mod shown;

pub use access_log::{AccessLog, LogWriter, Logger};
pub use labels::{LabelFaults, Labels};
pub use metrics::Metrics;
pub use reason::Reason;
pub use record::Record;
pub use reloads::{Last, Reloads};
