//! Our own stop, told to everyone who must know.

use tokio::sync::watch;

/// Says stop.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Hears of the stop.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl Stopper {
    /// A stop that nobody has asked for yet.
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    /// Tells everyone.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Waits until all who listen have dropped their [`Stop`].
    pub async fn all_gone(&self) {
        self.0.closed().await;
    }
}

impl Stop {
    /// Ends when the stop is asked for, or its [`Stopper`] is gone.
    pub async fn asked(&mut self) {
        // An error means that the sender is gone, which is a stop as well.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// True once the stop is asked for.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }
}
