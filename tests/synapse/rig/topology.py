"""Which processes make up the deployment, and what each pool serves.

`serves` are Thalamus' groups; a pool that serves none gets no request from outside.
`streams` are Synapse's: a pool's workers are their writers.
"""
import dataclasses

from rig.ports import HOST

GENERIC = "synapse.app.generic_worker"
MEDIA = "synapse.app.media_repository"


@dataclasses.dataclass(frozen=True)
class Pool:
    name: str
    size: int
    serves: tuple = ()
    streams: tuple = ()
    resources: tuple = ("client",)
    app: str = GENERIC


@dataclasses.dataclass(frozen=True)
class Member:
    """One Synapse process: its name, and where it listens."""
    name: str
    pool: str
    app: str
    resources: tuple
    port: int
    replication_port: int

    @property
    def address(self):
        return f"{HOST}:{self.port}"


def writer(stream):
    return Pool(stream, 1, serves=(stream,), streams=(stream,))


POOLS = (
    Pool("sync", 3, serves=("sync", "sliding_sync")),
    Pool("initial", 2, serves=("initial_sync", "initial_sliding_sync")),
    Pool("event_creator", 2, serves=("event_creator", "delayed_events")),
    Pool("client_reader", 2, serves=("client_reader", "messages", "device_keys", "profile", "well_known")),
    Pool("login", 1, serves=("login",)),
    Pool("federation_inbound", 2, serves=("federation_inbound",), resources=("federation",)),
    Pool("federation_reader", 1, serves=("federation_reader", "federation_keys"), resources=("federation",)),
    # Quarantining writes its stream in the process that has the media, so one pool does both.
    Pool("media", 2, serves=("media", "media_admin", "quarantined_media_changes"),
         streams=("quarantined_media_changes",), resources=("media",), app=MEDIA),
    writer("typing"),
    writer("to_device"),
    writer("account_data"),
    writer("receipts"),
    writer("presence"),
    writer("push_rules"),
    writer("device_lists"),
    writer("thread_subscriptions"),
    Pool("background", 1, serves=("user_directory",)),
    Pool("event_persister", 2, streams=("events",), resources=("health",)),
    Pool("federation_sender", 1, resources=("health",)),
)


class Topology:
    """Pools with a name and two ports for each process."""

    def __init__(self, ports, pools=POOLS):
        self.pools = pools
        self.main = Member("main", "main", "synapse.app.homeserver", ("client", "federation"),
                           ports.free(), ports.free())
        self.workers = [Member(f"{pool.name}{n}", pool.name, pool.app, pool.resources, ports.free(), ports.free())
                        for pool in pools for n in range(1, pool.size + 1)]

    @property
    def members(self):
        return [self.main, *self.workers]

    def of(self, pool):
        return [m for m in self.members if m.pool == pool]

    def names(self, pool):
        return [m.name for m in self.of(pool)]

    def pool_of(self, worker):
        return next(m.pool for m in self.members if m.name == worker)

    def serving(self):
        """The pools that requests from outside may reach."""
        return [p for p in self.pools if p.serves]

    def stream_writers(self):
        return {stream: self.names(p.name) for p in self.pools for stream in p.streams}
