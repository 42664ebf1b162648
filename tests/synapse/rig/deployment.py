"""The whole deployment: PostgreSQL, Redis, every Synapse process, Thalamus in front."""
import asyncio
import contextlib
import pathlib
import shutil
import sys
import tempfile
import time

from rig import synapse
from rig.ports import Ports
from rig.postgres import Postgres
from rig.redis import Redis
from rig.thalamus import Thalamus
from rig.topology import POOLS, Topology


class Deployment:
    """`async with Deployment(binary) as d:` runs it; leaving stops every process.

    `d.thalamus.url` is where clients go. `d.worker("sync1").process` can be stopped, killed,
    frozen, thawed; `await d.worker("sync1").start()` brings it back.
    """

    def __init__(self, binary, pools=POOLS):
        self.run = pathlib.Path(tempfile.mkdtemp(prefix="thalamus-synapse-"))
        self.run.chmod(0o711)           # PostgreSQL's user must reach its own directory in it
        self.logs, conf = self.run / "logs", self.run / "conf"
        for directory in (self.logs, conf, self.run / "media"):
            directory.mkdir()
        self.ports = Ports()
        self.topology = Topology(self.ports, pools)
        members = self.topology.members
        connections = 50 + synapse.DATABASE_CONNECTIONS * len(members)
        self.postgres = Postgres(self.run / "postgres", self.logs / "postgres.log", connections)
        self.redis = Redis(self.run / "redis", self.logs / "redis.log", self.ports.free())
        made = synapse.write_configs(self.topology, conf, self.run, self.logs, self.postgres.socket, self.redis.port)
        self.registration_secret = made["REGISTRATION_SECRET"]
        self.main, *self.workers = [synapse.Worker(m, conf, self.run, self.logs) for m in members]
        self.thalamus = Thalamus(binary, self.topology, self.ports, conf / "thalamus.yaml", self.logs)

    async def __aenter__(self):
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_):
        await self.stop()

    async def start(self):
        began = time.monotonic()
        await asyncio.gather(self.postgres.start(), self.redis.start())
        await self.main.start()                       # first and alone: it makes the schema
        for worker in self.workers:
            worker.process.start()
        await asyncio.gather(*[w.ready() for w in self.workers])
        await self.thalamus.start()
        say(f"{1 + len(self.workers)} Synapse processes and Thalamus ready after {time.monotonic() - began:.0f} s")

    async def stop(self):
        """Stop everything, what others depend on last."""
        synapses = [w.process for w in [self.main, *self.workers]]
        for processes in ([self.thalamus.process], synapses, [self.redis.process, self.postgres.process]):
            for process in processes:
                process.thaw()
            with contextlib.suppress(ProcessLookupError):
                await asyncio.gather(*[p.stop() for p in processes])
        self.ports.close()

    def worker(self, name):
        return next(w for w in [self.main, *self.workers] if w.name == name)

    def forget(self):
        """Remove database, media and logs."""
        shutil.rmtree(self.run, ignore_errors=True)


def say(text):
    print(text, file=sys.stderr, flush=True)
