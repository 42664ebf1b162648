//! Asks the servers; an answer that is not whole is a fault.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use hickory_resolver::{
    Resolver, TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{RData, RecordType, rdata::SRV},
    },
};
use tokio::time::timeout;

use super::{
    Query, Settings,
    answer::{Answer, Target, by_address, by_target},
};

/// For one question with all that follows from it.
const LIMIT: Duration = Duration::from_secs(10);

/// Targets of one service that are looked up; no pool has more workers.
const MOST_TARGETS: usize = 4096;

/// Of those so many at a time.
const AT_ONCE: usize = 16;

/// Asks the servers of one source.
pub(super) struct Asker(TokioResolver);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The system's resolver configuration cannot be read.
    #[error("read the system's resolver configuration: {0}; name the servers with `servers`")]
    System(#[source] NetError),
    /// A server could not be asked, or answered with a fault of its own.
    #[error("{0}")]
    Server(#[from] NetError),
    /// Nobody answered in time.
    #[error("no answer within {} s", LIMIT.as_secs())]
    Late,
    /// There is no such name, or it has no such record.
    #[error("there are none; check the name and that a worker runs")]
    Nothing,
}

/// Records of one name.
struct Records {
    data: Vec<RData>,
    lives: Duration,
}

impl Asker {
    /// Reads the system's configuration, where no server is given.
    pub(super) fn new(settings: &Settings) -> Result<Self, Fault> {
        let mut builder = match settings.servers.is_empty() {
            true => Resolver::builder_tokio().map_err(Fault::System)?,
            false => {
                let servers = settings.servers.iter().copied().map(server).collect();
                let config = ResolverConfig::from_name_servers(servers);
                Resolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        let options = builder.options_mut();
        options.use_hosts_file = ResolveHosts::Never;
        options.timeout = options.timeout.min(Duration::from_secs(2));
        Ok(Self(builder.build()?))
    }

    /// Asks, and follows SRV records to their addresses.
    pub(super) async fn ask(&self, query: &Query) -> Result<Answer, Fault> {
        let answer = match query {
            Query::Address(name, port) => timeout(LIMIT, self.addresses(name))
                .await
                .map(|found| found.map(|(addresses, lives)| (by_address(addresses, *port), lives))),
            Query::Service(name) => timeout(LIMIT, self.targets(name))
                .await
                .map(|found| found.map(|(targets, lives)| (by_target(targets), lives))),
        };
        match answer.map_err(|_| Fault::Late)?? {
            (endpoints, _) if endpoints.is_empty() => Err(Fault::Nothing),
            (endpoints, lives) => Ok(Answer { endpoints, lives }),
        }
    }

    /// The IPv4 addresses of a name, else its IPv6 ones: a worker with both would count twice.
    async fn addresses(&self, name: &str) -> Result<(Vec<IpAddr>, Duration), NetError> {
        let mut records = self.records(name, RecordType::A).await?;
        if records.data.is_empty() {
            records = self.records(name, RecordType::AAAA).await?;
        }
        let addresses = records.data.iter().filter_map(RData::ip_addr).collect();
        Ok((addresses, records.lives))
    }

    async fn targets(&self, name: &str) -> Result<(Vec<Target>, Duration), NetError> {
        let records = self.records(name, RecordType::SRV).await?;
        let services = records
            .data
            .into_iter()
            .filter_map(service)
            .take(MOST_TARGETS);
        let targets = stream::iter(services.map(|service| self.target(service)));
        let found: Vec<_> = targets.buffer_unordered(AT_ONCE).try_collect().await?;
        let lives = found.iter().map(|(_, lives)| *lives).min();
        let targets = found.into_iter().map(|(target, _)| target).collect();
        Ok((targets, records.lives.min(lives.unwrap_or(Duration::MAX))))
    }

    /// The addresses of a target; one that has none is about to go.
    async fn target(&self, service: SRV) -> Result<(Target, Duration), NetError> {
        let name = service.target.to_ascii();
        let (addresses, lives) = self.addresses(&name).await?;
        let target = Target {
            priority: service.priority,
            weight: service.weight,
            name: name.trim_end_matches('.').to_lowercase(),
            port: service.port,
            addresses,
        };
        Ok((target, lives))
    }

    /// The records of that kind; none when the server says so.
    async fn records(&self, name: &str, kind: RecordType) -> Result<Records, NetError> {
        match self.0.lookup(name, kind).await {
            Ok(found) => {
                let records = found.answers().iter().filter(|r| r.record_type() == kind);
                let lives = records.clone().map(|record| record.ttl).min();
                Ok(Records {
                    data: records.map(|record| record.data.clone()).collect(),
                    lives: Duration::from_secs(lives.unwrap_or_default().into()),
                })
            }
            Err(error) if says_nothing(&error) => Ok(Records {
                data: Vec::new(),
                lives: Duration::MAX,
            }),
            Err(error) => Err(error),
        }
    }
}

fn server(address: SocketAddr) -> NameServerConfig {
    let mut connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
    connections
        .iter_mut()
        .for_each(|connection| connection.port = address.port());
    NameServerConfig::new(address.ip(), true, connections.into())
}

fn service(data: RData) -> Option<SRV> {
    match data {
        RData::SRV(service) => Some(service),
        _ => None,
    }
}

fn says_nothing(error: &NetError) -> bool {
    let NetError::Dns(DnsError::NoRecordsFound(none)) = error else {
        return false;
    };
    matches!(
        none.response_code,
        ResponseCode::NXDomain | ResponseCode::NoError
    )
}
