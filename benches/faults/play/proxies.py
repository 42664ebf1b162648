"""The proxies in front of the house: how each is started, told of a new configuration, and asked to leave."""
import asyncio
import os
import pathlib
import signal

from play.client import HOST
from rig.process import Process
from stage.proxies import program

CONFIGS = pathlib.Path(__file__).resolve().parents[1] / "configs"


class Proxy:
    """`files`: its configuration first, then what that reads. `reload` and `leave` are signals."""

    def __init__(self, name, argv, files, reload, leave, house, folder, ports):
        folder.mkdir()
        self.name, self.files, self.folder = name, files, folder
        self.port, self.admin, self.house = ports.free(), ports.free(), house
        self.reload_signal = reload
        argv = [str(word).replace("@config@", str(folder / files[0])) for word in argv]
        self.process = Process(name, argv, folder / "log", prefix=["taskset", "-c", "0"], stop_signal=leave)

    async def start(self):
        self.write()
        self.process.start()
        await self.process.until(self.listens, limit=30)

    def write(self, without=None):
        """Its configuration, or the same less one worker: each has a line of its own."""
        for file in self.files:
            lines = (CONFIGS / file).read_text().splitlines(keepends=True)
            text = "".join(line for line in lines if not without or f"@{without}@" not in line)
            new = self.folder / f"{file}.new"
            new.write_text(self.filled(text))
            os.replace(new, self.folder / file)

    def filled(self, text):
        workers = {name: f"{HOST}:{worker.port}" for name, worker in self.house.workers.items()}
        values = {"dir": self.folder, "listen": f"{HOST}:{self.port}", "admin": f"{HOST}:{self.admin}"} | workers
        for word, value in values.items():
            text = text.replace(f"@{word}@", str(value))
        return text

    async def listens(self):
        try:
            _, writer = await asyncio.open_connection(HOST, self.port)
        except OSError:
            return False
        writer.close()
        return True

    def reload(self, without=None):
        self.write(without)
        self.process.signal(self.reload_signal)

    async def stop(self):
        self.process.thaw()
        # An older generation of the same program may still have polls.
        if self.process.running:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.popen.wait()


def thalamus(binary, *where):
    argv = [binary, "run", "--config", "@config@"]
    return Proxy("thalamus", argv, ["thalamus.yaml"], signal.SIGHUP, signal.SIGTERM, *where)


def nginx(*where):
    argv = [program("nginx"), "-c", "@config@", "-e", "stderr"]
    return Proxy("nginx", argv, ["nginx.conf"], signal.SIGHUP, signal.SIGQUIT, *where)


def haproxy(*where):
    argv = [program("haproxy"), "-W", "-db", "-f", "@config@"]
    return Proxy("haproxy", argv, ["haproxy.cfg", "haproxy.map"], signal.SIGUSR2, signal.SIGUSR1, *where)
