"""The stand-in workers of one run, each a process of its own, and the core that they leave to the proxy."""
import json
import os
import pathlib
import sys

from play.client import HOST, Client
from rig.probe import exchange, http_status
from rig.process import Process

# First syncs are computed on a machine of their own: here they yield to the load.
YIELD = ("chrt", "--idle", "0")
NAMES = ("sync1", "sync2", "sync3", "first1", "first2", "creator1", "creator2", "creator3", "main")
PROGRAM = pathlib.Path(__file__).with_name("stand_in.py")


class Worker:
    def __init__(self, name, port, folder):
        self.name, self.port, self.journal = name, port, folder / f"{name}.journal"
        self.process = Process(name, [sys.executable, PROGRAM, name, port, self.journal], folder / f"{name}.log",
                               prefix=YIELD if name.startswith("first") else ())

    async def start(self):
        self.process.start()
        await self.ready()

    async def ready(self):
        await self.process.until(self.healthy, limit=30)

    async def healthy(self):
        return await http_status(HOST, self.port, "/health") == 200

    async def figures(self):
        """What it says of itself."""
        return json.loads((await Client(self.port, "judge").ask("GET", "/figures")).body)


class House:
    def __init__(self, folder, ports):
        self.workers = {name: Worker(name, ports.free(), folder) for name in NAMES}

    async def start(self):
        for worker in self.workers.values():
            worker.process.start()
        for worker in self.workers.values():
            await worker.ready()

    async def stop(self):
        for worker in self.workers.values():
            worker.process.kill()

    def brought(self):
        """All that PUT and POST brought, in no order; what was sent on twice stands in it twice."""
        return [line for worker in self.workers.values() for line in worker.journal.read_text().splitlines()]


def leave_a_core():
    """The proxy has core 0; all that is started from here on has the others."""
    os.sched_setaffinity(0, set(range(1, os.cpu_count())) or {0})
