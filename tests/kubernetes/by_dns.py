"""Workers found by a real name server whose records change under load."""
import asyncio
import signal
import time

from crowd import Crowd
from found import PORT, Thalamus, names
from rig.process import Process
from scale import Fleet, Moves, expect_share

USERS = 200
NAME, SERVICE = "sync.test", "_http._tcp.sync.test"
DNS = "127.0.0.1"


async def run(binary, home):
    for title, dns in {"addresses": {"name": NAME, "port": 8083}, "SRV records": {"srv": SERVICE}}.items():
        await change(binary, home, title, {**dns, "servers": [DNS], "min_interval": "100ms", "max_interval": "500ms"})


async def change(binary, home, title, dns):
    """3 -> 10 -> 2 -> 11 workers, and a name server that dies between."""
    fleet, server = Fleet(), NameServer(home)
    await fleet.start(3)
    await server.say(fleet)
    thalamus = Thalamus(binary, home, {"sync": {"serves": ["sync"], "dns": dns}})
    try:
        await thalamus.start()
        await thalamus.until("the first workers", "sync", lambda pool: count(pool) == 3)
        crowd = Crowd(PORT, USERS)
        for wanted in (10, 2, 11):
            before, had = await crowd.settle(), len(fleet.pods)
            new = await fleet.start(max(0, wanted - had))
            gone = list(fleet.pods.values())[wanted:]
            for pod in gone:
                del fleet.pods[pod.name]
            await server.say(fleet)
            took = await thalamus.until(f"{wanted} workers", "sync", lambda pool: count(pool) == wanted)
            moves = Moves(before, await crowd.settle())
            if new:
                moves.only_to({pod.name for pod in new})
                expect_share(moves.share(), len(new) / wanted)
            else:
                moves.only_from({pod.name for pod in gone})
                expect_share(moves.share(), len(gone) / had)
            for pod in gone:
                await pod.stop()
            assert not crowd.failures, crowd.failures[:5]
            assert fleet.cut() == 0, "polls of workers that stay are cut"
            print(f"{title}: {had} -> {wanted}: found after {took:.1f} s, {moves.share():.2f} moved, 0 failed")
        await lost(server, fleet, crowd, thalamus)
        await crowd.leave()
        assert not crowd.failures, crowd.failures[:5]
        print(f"{title}: {crowd.answered} syncs answered, 0 failed")
    finally:
        await thalamus.process.stop()
        await server.process.stop()
        await fleet.stop(list(fleet.pods.values()))


async def lost(server, fleet, crowd, thalamus):
    """No server, then one that knows no such name: the set stays."""
    before = await crowd.settle()
    server.process.kill()
    await thalamus.until("the loss is told", "sync", lambda pool: "stale" in pool)
    await server.say(Fleet())
    await thalamus.until("no such name", "sync", lambda pool: "there are none" in pool.get("stale", {}).get("why", ""))
    assert Moves(before, await crowd.settle()).moved == set(), "nobody moves"
    await server.say(fleet)
    await thalamus.until("it is back", "sync", lambda pool: "stale" not in pool)


def count(pool):
    return len(names(pool))


class NameServer:
    """dnsmasq; it reads records other than addresses at its start only."""

    def __init__(self, home):
        self.home, self.process = home, None

    async def say(self, fleet):
        pods = fleet.pods.values()
        hosts = [line for pod in pods for line in (f"host-record={pod.name}.test,{pod.address}",
                                                   f"host-record={NAME},{pod.address}",
                                                   f"srv-host={SERVICE},{pod.name}.test,8083")]
        config = self.home / "dnsmasq.conf"
        config.write_text("\n".join(["keep-in-foreground", "no-resolv", "no-hosts", "local=/test/", "user=root",
                                     f"listen-address={DNS}", "bind-interfaces", "local-ttl=600", "pid-file", *hosts]))
        if self.process:
            await self.process.stop()
        self.process = Process("dnsmasq", ["dnsmasq", "-C", config], self.home / "dnsmasq.log",
                               stop_signal=signal.SIGKILL)
        self.process.start()
