"""PostgreSQL for one run: on a Unix socket, durable nowhere."""
import asyncio
import os
import pathlib
import pwd
import signal
import subprocess

from rig.environment import program
from rig.process import Process, environment

USER = "synapse"
FAST = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "logging_collector=off",
        "shared_buffers=256MB", "listen_addresses="]


class Postgres:
    def __init__(self, home, log, max_connections):
        self.data, self.socket = home / "data", home / "socket"
        prefix, owner = as_unprivileged()
        for directory in (home, self.data, self.socket):
            directory.mkdir(mode=0o700)
            if owner:
                os.chown(directory, owner.pw_uid, owner.pw_gid)
        settings = [x for s in [*FAST, f"max_connections={max_connections}"] for x in ("-c", s)]
        self.prefix = prefix
        self.process = Process("postgres", [program("postgres"), "-D", self.data, "-k", self.socket, *settings],
                               log, prefix=prefix, stop_signal=signal.SIGINT)

    async def start(self):
        """Make the database, start the server, wait until it answers."""
        await self.run(program("initdb"), "-D", self.data, "-U", USER, "-A", "trust", "-E", "UTF8",
                       "--locale=C", "--no-sync")
        self.process.start()
        await self.process.until(self.answers)
        await self.psql(f"create database {USER} template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'")

    def freeze(self):
        """All of its processes stand still; what is connected stays so."""
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def signal(self, number):
        # The first one first: it would start others in place of those that stand still.
        for pid in [self.process.pid, *children(self.process.pid)]:
            os.kill(pid, number)

    async def answers(self):
        return await self.psql("select 1", check=False) == 0

    async def psql(self, statement, database="template1", check=True):
        return await self.run(program("psql"), "-h", self.socket, "-U", USER, "-d", database,
                              "-v", "ON_ERROR_STOP=1", "-qAtc", statement, check=check)

    async def run(self, *argv, check=True):
        process = await asyncio.create_subprocess_exec(
            *self.prefix, *map(str, argv), cwd="/", env=environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        _, err = await process.communicate()
        if check and process.returncode:
            raise RuntimeError(f"{argv[0]} failed: {err.decode(errors='replace')}")
        return process.returncode


def as_unprivileged():
    """PostgreSQL refuses to run as root: a prefix that makes it the user Debian made for it."""
    if os.geteuid() != 0:
        return [], None
    user = pwd.getpwnam("postgres")
    # Changing the user clears the parent-death signal, so it is asked for again.
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups",
            "--pdeathsig", "KILL"], user


def children(parent):
    """The processes that this one has started: PostgreSQL's have a session each, so no signal reaches all of them."""
    return [int(pid) for pid in pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
