"""One process of the rig: start it, stop it, kill it, freeze it."""
import asyncio
import os
import pathlib
import signal
import subprocess
import time

# The kernel ends every process of the rig when the run itself is killed.
DIE_WITH_US = ["setpriv", "--pdeathsig", "KILL"]


class Process:
    def __init__(self, name, argv, log, *, cwd="/", prefix=(), stop_signal=signal.SIGTERM, out=None):
        self.name, self.log = name, pathlib.Path(log)
        self.argv = [*DIE_WITH_US, *prefix, *map(str, argv)]
        self.cwd, self.stop_signal = cwd, stop_signal
        self.out = pathlib.Path(out) if out else self.log
        self.popen = None

    def start(self):
        """Start it in a session of its own: a ctrl-c ends the run, and the run ends this."""
        with open(self.out, "ab") as out, open(self.log, "ab") as err:
            self.popen = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                          cwd=self.cwd, env=environment(), start_new_session=True)

    @property
    def pid(self):
        return self.popen.pid

    @property
    def running(self):
        return self.popen is not None and self.popen.poll() is None

    async def stop(self, grace=20):
        """Ask it to end and wait; seconds it took, None when it had to be killed."""
        began = time.monotonic()
        self.signal(self.stop_signal)
        while self.running:
            if time.monotonic() - began > grace:
                self.kill()
                return None
            await asyncio.sleep(0.05)
        return time.monotonic() - began

    def kill(self):
        self.signal(signal.SIGKILL)
        if self.popen:
            self.popen.wait()

    def freeze(self):
        """It still accepts connections (the kernel does) and answers nothing."""
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def signal(self, number):
        if self.running:
            self.popen.send_signal(number)

    async def until(self, condition, limit=120):
        """Wait until `await condition()` holds; seconds it took."""
        began = time.monotonic()
        while not await condition():
            if not self.running:
                raise RuntimeError(f"{self.name} ended while starting:\n{self.tail()}")
            if time.monotonic() - began > limit:
                raise RuntimeError(f"{self.name} is not ready after {limit} s, see {self.log}")
            await asyncio.sleep(0.1)
        return time.monotonic() - began

    def tail(self):
        return self.log.read_text(errors="replace")[-2000:]


def environment():
    """Ours, without what would change a server's behaviour."""
    return {k: v for k, v in os.environ.items() if not changes_behaviour(k)} | {"LC_ALL": "C", "PYTHONUNBUFFERED": "1"}


def changes_behaviour(name):
    # THALAMUS_* would override the configuration.
    return (name in ("PYTHONDONTWRITEBYTECODE", "PGDATA") or name.startswith("THALAMUS_")
            or name.lower().endswith("_proxy"))
