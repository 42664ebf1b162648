//! What is kept of one request when it has ended.

use std::{net::IpAddr, time::Duration};

use super::Reason;
use crate::matrix::Group;

/// One request, ended. Holds no query, no header and no token.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Who asked.
    pub client: Option<IpAddr>,
    /// The word that names the request in all logs.
    pub id: &'a str,
    /// The method, or `-` when the head could not be read.
    pub method: &'a str,
    /// The path without its query, or `-`.
    pub path: &'a str,
    /// The group; none when the head could not be read.
    pub group: Option<Group>,
    /// The pool and the worker that answered last.
    pub worker: Option<(&'a str, &'a str)>,
    /// The status the client got; 0 when it got none.
    pub status: u16,
    /// The outcome.
    pub reason: Reason,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// From the request's head to the answer's head, in the worker's hands.
    pub waited: Duration,
    /// From the request's head to the answer's end.
    pub took: Duration,
}
