"""A lane: a client, what stands between, and a worker of its own. Its cases run one after the other."""
import asyncio
import dataclasses
import ssl

import corpus
from corpus import answers, case as requests
from rig.ports import HOST
from stage import proxies
from stage.client import Client
from stage.http2 import Client2
from stage.synapse import Synapse
from stage.worker import Worker

PROXIES = ("thalamus", "nginx", "haproxy")
# Seconds to wait for what may never come: of us it is known what must come.
HANGS, PEERS, HELD = 60, 0.8, 0.3
# So long a worker may still be reading what came last.
SETTLES = 0.005


@dataclasses.dataclass
class Run:
    said: object
    record: object


class Lane:
    """`name` is thalamus, tls, nginx, haproxy or alone; `kind` of worker is recorder or synapse."""

    def __init__(self, name, kind, worker, port, tls=None):
        self.name, self.kind, self.worker = name, kind, worker
        self.client = Client(HOST, port, tls)
        self.runs = {}

    @property
    def is_ours(self):
        return self.name in ("thalamus", "tls", "thalamus, h2")

    @property
    def cases(self):
        """Answers are the recorder's to give."""
        return corpus.REQUESTS + (corpus.ANSWERS if self.kind == "Worker" else [])

    async def run(self):
        for case in self.cases:
            self.runs[case] = await self.one(case)

    async def one(self, case):
        answer = case if isinstance(case, answers.Answer) else None
        self.worker.begin(answer)
        raw = case.request if answer else case.raw
        to_head = raw.startswith(b"HEAD ")
        try:
            said = await self.client.run(raw, self.patience(case), to_head, 1 if answer else case.most)
        except OSError as error:
            raise RuntimeError(f"{self.name}, {self.kind}: {case.name}: {error}") from error
        await asyncio.sleep(SETTLES)
        return Run(said, self.worker.record)

    def patience(self, case):
        return (HELD if case.expect == requests.HELD else HANGS) if self.is_ours else PEERS


class Lane2(Lane):
    """A lane in HTTP/2; its cases are streams."""

    def __init__(self, name, kind, worker, port, certificate):
        self.name, self.kind, self.worker = f"{name}, h2", kind, worker
        self.client = Client2(HOST, port, certificate)
        self.runs = {}

    @property
    def cases(self):
        return corpus.STREAMS

    async def one(self, case):
        self.worker.begin()
        said = await self.client.run(case, self.patience(case))
        await asyncio.sleep(SETTLES)
        return Run(said, self.worker.record)


class Stage:
    """Every lane, running: `async with Stage(binary, folder, ports) as lanes`."""

    def __init__(self, binary, folder, ports):
        self.binary, self.folder, self.ports = binary, folder, ports
        self.workers, self.proxies = [], []

    async def __aenter__(self):
        try:
            return await self.start()
        except BaseException:
            await self.__aexit__()
            raise

    async def __aexit__(self, *_):
        await asyncio.gather(*[proxy.process.stop() for proxy in self.proxies])
        await asyncio.gather(*[worker.stop() for worker in self.workers])

    async def start(self):
        self.certificate = proxies.certificate(self.folder)
        tls = ssl.create_default_context(cafile=self.certificate[0])
        lanes = []
        for kind in (Worker, Synapse):
            for name in ("thalamus", "tls", "nginx", "haproxy"):
                worker = await self.worker(kind)
                proxy = self.proxy(name, worker)
                is_tls = name == "tls"
                port = proxy.tls_port if is_tls else proxy.port
                lanes.append(Lane(name, kind.__name__, worker, port, tls if is_tls else None))
            for name in PROXIES:
                worker = await self.worker(kind)
                port = self.proxy(name, worker).tls_port
                lanes.append(Lane2(name, kind.__name__, worker, port, self.certificate[0]))
        worker = await self.worker(Synapse)
        lanes.append(Lane("alone", "Synapse", worker, worker.port))
        for proxy in self.proxies:
            await proxy.start()
        return lanes

    async def worker(self, kind):
        worker = kind(HOST, self.ports.free())
        await worker.start()
        self.workers.append(worker)
        return worker

    def proxy(self, name, worker):
        folder = self.folder / f"{name}-{worker.port}"
        make = {"nginx": proxies.nginx, "haproxy": proxies.haproxy}
        if name in make:
            proxy = make[name](proxies.program(name), folder, self.ports, worker.port)
        else:
            proxy = proxies.thalamus(self.binary, folder, self.ports, worker.port)
        self.proxies.append(proxy)
        return proxy
