//! Why a request ended as it did.

/// A short stable code for an outcome, the same in log, metric, header and status page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The worker's answer came whole.
    Ok,
    /// No worker that may answer takes requests.
    NoWorker,
    /// No worker that may answer could be connected to.
    Connect,
    /// The worker did not answer, or stopped in the middle, until the deadline.
    Timeout,
    /// The worker closed the connection without an answer, and the request must not be repeated.
    Closed,
    /// The worker was ejected while it worked on the request.
    Ejected,
    /// The worker closed the connection in the middle of its answer.
    CutShort,
    /// The worker's answer cannot be read in one way only.
    BadAnswer,
    /// The client left before the answer was whole.
    ClientLeft,
    /// The client sent its head or body too slowly, or did not read.
    SlowClient,
    /// The request cannot be read in one way only.
    BadRequest,
    /// The head is too long or has too many fields.
    HeadTooLarge,
    /// The body is larger than the group allows.
    BodyTooLarge,
    /// Each worker that may answer has as many requests as it may, and none ended in time.
    Busy,
    /// Too many requests wait for the same workers.
    QueueFull,
    /// The path is not open to this client, or to none, or a rule refuses the request.
    Refused,
    /// The client asked too often.
    RateLimited,
    /// A rule says that there is maintenance.
    Maintenance,
    /// The listener serves other groups.
    NotServed,
    /// The listener serves other host names.
    UnknownHost,
    /// We have as many connections, or open files, as we may.
    Full,
}

impl Reason {
    /// All of them, in a fixed order.
    pub const ALL: [Self; 21] = [
        Self::Ok,
        Self::NoWorker,
        Self::Connect,
        Self::Timeout,
        Self::Closed,
        Self::Ejected,
        Self::CutShort,
        Self::BadAnswer,
        Self::ClientLeft,
        Self::SlowClient,
        Self::BadRequest,
        Self::HeadTooLarge,
        Self::BodyTooLarge,
        Self::Busy,
        Self::QueueFull,
        Self::Refused,
        Self::RateLimited,
        Self::Maintenance,
        Self::NotServed,
        Self::UnknownHost,
        Self::Full,
    ];

    /// The code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::NoWorker => "NO_WORKER",
            Self::Connect => "CONNECT",
            Self::Timeout => "TIMEOUT",
            Self::Closed => "CLOSED",
            Self::Ejected => "EJECTED",
            Self::CutShort => "CUT_SHORT",
            Self::BadAnswer => "BAD_ANSWER",
            Self::ClientLeft => "CLIENT_LEFT",
            Self::SlowClient => "SLOW_CLIENT",
            Self::BadRequest => "BAD_REQUEST",
            Self::HeadTooLarge => "HEAD_TOO_LARGE",
            Self::BodyTooLarge => "BODY_TOO_LARGE",
            Self::Busy => "BUSY",
            Self::QueueFull => "QUEUE_FULL",
            Self::Refused => "REFUSED",
            Self::RateLimited => "RATE_LIMITED",
            Self::NotServed => "NOT_SERVED",
            Self::UnknownHost => "UNKNOWN_HOST",
            Self::Full => "FULL",
            Self::Maintenance => "MAINTENANCE",
        }
    }

    /// True when the worker is to blame.
    pub fn blames_worker(self) -> bool {
        matches!(
            self,
            Self::Connect | Self::Timeout | Self::Closed | Self::CutShort | Self::BadAnswer
        )
    }
}
