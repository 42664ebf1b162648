"""Processes of Synapse with PostgreSQL, Redis and Thalamus, on this machine: the same files, addresses replaced."""
import asyncio
import json
import pathlib
import re
import shutil
import tempfile
import unittest
import urllib.request

import yaml
from machine import BINARY
from rig.ports import HOST, Ports
from rig.postgres import Postgres
from rig.probe import http_status
from rig.process import Process
from rig.redis import Redis
from talk import Talk


class House(unittest.IsolatedAsyncioTestCase):
    """The base of a test that boots a Synapse. It says which: `synapse`, which gives processes and Thalamus' pools."""

    async def asyncSetUp(self):
        asyncio.get_running_loop().slow_callback_duration = 600     # programs are waited for; that is no fault
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="thalamus-boot-"))
        self.folder.chmod(0o711)        # PostgreSQL's user must reach its own directory in it
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.ports = Ports()
        self.addCleanup(self.ports.close)
        self.postgres = Postgres(self.folder / "postgres", self.folder / "postgres.log", 200)
        self.redis = Redis(self.folder / "redis", self.folder / "redis.log", self.ports.free())
        for process in (self.postgres.process, self.redis.process):
            self.addAsyncCleanup(process.stop)
        await asyncio.gather(self.postgres.start(), self.redis.start())

    async def boot(self, processes):
        """Starts the main process, the first of them, and then all others; each comes with its port."""
        for process, _ in processes:
            self.addAsyncCleanup(process.stop)
        main, *workers = processes
        # The first alone: it makes the tables.
        for together in ([main], workers):
            for process, _ in together:
                process.start()
            for process, port in together:
                await process.until(answers(port, "/health"), limit=300)

    async def start_thalamus(self, settings):
        """With these settings, at addresses of this machine."""
        self.front, self.admin = self.ports.free(), self.ports.free()
        config = self.folder / "thalamus.yaml"
        config.write_text(yaml.safe_dump(settings | {
            "listeners": [{"address": f"{HOST}:{self.front}"}], "admin": {"address": f"{HOST}:{self.admin}"}}))
        thalamus = Process("thalamus", [BINARY, "run", "--config", config], self.folder / "thalamus.log")
        self.addAsyncCleanup(thalamus.stop)
        thalamus.start()
        await thalamus.until(answers(self.admin, "/ready"))

    async def everybody_does_their_part(self):
        """Two people talk, and no pool stays idle."""
        await asyncio.to_thread(Talk(f"http://{HOST}:{self.front}").run)
        with urllib.request.urlopen(f"http://{HOST}:{self.admin}/api/pools", timeout=60) as answer:
            served = {pool["name"]: sum(worker["served"] for worker in pool["workers"]) for pool in json.load(answer)}
        self.assertEqual([name for name, count in served.items() if count == 0], [], served)

    def move_shared(self, content, ports):
        """The addresses of others in the configuration that all share; `ports` gives those of a host's replication."""
        content["database"]["args"] |= {"host": str(self.postgres.socket)}
        content["database"]["args"].pop("port", None)
        content["redis"] |= {"host": HOST, "port": self.redis.port}
        for place in content["instance_map"].values():
            place |= {"host": HOST, "port": ports(place["host"])}


def moved(text, places):
    """The text with other folders; all at once, or a new folder's name would be taken for a place."""
    return re.sub(rf"(?<!\w)({'|'.join(places)})(?!\w)", lambda place: str(places[place[0]]), text)


def move_listeners(content, ports):
    """Another port on loopback for each listener; `ports` knows them by those in the file."""
    for listener in content.get("worker_listeners", []) + content.get("listeners", []):
        listener |= {"port": ports[listener["port"]], "bind_addresses": ["0.0.0.0"]}


def answers(port, path):
    """Asks whether it is well."""
    async def ask():
        return await http_status(HOST, port, path) == 200
    return ask
