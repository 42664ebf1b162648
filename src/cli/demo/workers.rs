//! The stand-in workers on their sockets: they start, die as by `kill -9`, and come back on the same port.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};

use super::{
    deployment::{POOLS, Pool},
    house::House,
    stand_in::StandIn,
};

/// All workers of the homeserver.
#[derive(Debug)]
pub struct Workers(Box<[Worker]>);

/// One worker: its port is its own for ever, its sockets live and die.
#[derive(Debug)]
pub struct Worker {
    stand_in: Arc<StandIn>,
    address: SocketAddr,
    /// Keeps the port while the worker is dead: bound, but nobody listens, so connects are refused.
    _seat: TcpSocket,
    serving: JoinSet<()>,
}

impl Workers {
    /// Starts the workers of all pools.
    pub fn start(house: &Arc<House>) -> io::Result<Self> {
        let named = POOLS
            .iter()
            .flat_map(|pool| pool.workers.iter().map(move |name| (*name, pool)));
        let workers = named.map(|(name, pool)| Worker::start(name, pool, house));
        Ok(Self(workers.collect::<io::Result<_>>()?))
    }

    /// The worker of that name, which must be one of the deployment.
    pub fn named(&self, name: &str) -> &Worker {
        &self.0[self.index(name)]
    }

    /// The same, to kill it or bring it back.
    pub fn named_mut(&mut self, name: &str) -> &mut Worker {
        &mut self.0[self.index(name)]
    }

    fn index(&self, name: &str) -> usize {
        let mut workers = self.0.iter();
        let index = workers.position(|worker| worker.stand_in.name == name);
        index.expect("names come from the deployment")
    }
}

impl Worker {
    /// A living worker on any free port.
    pub fn start(name: &'static str, pool: &Pool, house: &Arc<House>) -> io::Result<Self> {
        let seat = seat(([127, 0, 0, 1], 0).into())?;
        let mut worker = Self {
            stand_in: Arc::new(StandIn::new(name, pool, house.clone())),
            address: seat.local_addr()?,
            _seat: seat,
            serving: JoinSet::new(),
        };
        worker.revive()?;
        Ok(worker)
    }

    /// Where it listens, dead or alive.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Long polls that wait here.
    pub fn parked(&self) -> usize {
        self.stand_in.parked()
    }

    /// Comes (back) to life on its port.
    pub fn revive(&mut self) -> io::Result<()> {
        let listener = seat(self.address)?.listen(1024)?;
        self.serving.spawn(serve(listener, self.stand_in.clone()));
        Ok(())
    }

    /// Drops the listener and all connections at once; says how many syncs were parked.
    pub async fn kill(&mut self) -> usize {
        let parked = self.parked();
        self.serving.shutdown().await;
        parked
    }
}

/// A socket bound to an address that others may be bound to as well, as long as one listens.
fn seat(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Takes connections and owns them: when this ends, all end.
async fn serve(listener: TcpListener, stand_in: Arc<StandIn>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(converse(stream, stand_in.clone())); }
                // Out of sockets, most likely: give others time to close theirs.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(stream: TcpStream, stand_in: Arc<StandIn>) {
    let answer = service_fn(|request| stand_in.answer(request));
    let conversation = http1::Builder::new()
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), answer);
    // How it ended is the proxy's to tell: it counts what was not answered.
    let _ = conversation.await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::{ask::Ask, client::Client};

    #[tokio::test]
    async fn a_killed_worker_cuts_its_connections_refuses_new_ones_and_comes_back() {
        let house = Arc::new(House::new(1));
        let mut worker = Worker::start("main", &POOLS[0], &house).unwrap();
        let mut client = Client::new(worker.address(), "Bearer none".into());
        client.ask(&Ask::Pushers).await.unwrap();

        worker.kill().await;
        client.ask(&Ask::Pushers).await.unwrap_err();
        let error = client.ask(&Ask::Pushers).await.unwrap_err();
        assert!(format!("{error:#}").contains("refused"), "{error:#}");

        worker.revive().unwrap();
        client.ask(&Ask::Pushers).await.unwrap();
    }

    #[tokio::test]
    async fn a_long_poll_is_parked_until_its_worker_dies() {
        let house = Arc::new(House::new(1));
        let mut worker = Worker::start("sync1", &POOLS[1], &house).unwrap();
        let token = crate::cli::demo::token::access_token("user000", 0);
        let mut client = Client::new(worker.address(), format!("Bearer {token}"));
        let poll = tokio::spawn(async move { client.ask(&Ask::Sync { since: 1 }).await });
        while worker.parked() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(worker.kill().await, 1);
        assert!(poll.await.unwrap().is_err());
        assert_eq!(worker.parked(), 0);
    }
}
