"""Workers found by a real name server whose records change under load."""
import asyncio
import signal
import socket

from crowd import Crowd
from found import PORT, Thalamus, names
from rig.process import Process
from scale import Fleet, Moves, expect_share

USERS = 200
NAME, SERVICE = "sync.test", "_http._tcp.sync.test"
DNS = "127.0.0.1"
FAILING = 5300
# Records of each kind by their numbers in DNS.
KINDS = {"addresses": (NAME, 1), "SRV records": (SERVICE, 33)}
# What a name server says of a name that it has no records of: there is none; I will not; I cannot.
UNKNOWN = {"there are none": ["local=/test/"], "Refused": [], "Server Failure": [f"server={DNS}#{FAILING}"]}


async def run(binary, home):
    for title, dns in {"addresses": {"name": NAME, "port": 8083}, "SRV records": {"srv": SERVICE}}.items():
        await change(binary, home, title, {**dns, "servers": [DNS], "min_interval": "100ms", "max_interval": "500ms"})


async def change(binary, home, title, dns):
    """3 -> 10 -> 2 -> 11 -> 120 workers, the last of which UDP cannot hold, and a name server that dies and fails."""
    fleet, server = Fleet(), NameServer(home)
    await fleet.start(3)
    await server.say(fleet)
    thalamus = Thalamus(binary, home, {"sync": {"serves": ["sync"], "dns": dns}})
    try:
        await thalamus.start()
        await thalamus.until("the first workers", "sync", lambda pool: count(pool) == 3)
        crowd = Crowd(PORT, USERS)
        for wanted in (10, 2, 11, 120):
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
            assert await is_cut_short(*KINDS[title]) == (wanted == 120), "TCP is needed for the last"
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
    """No server, then one that has no such name, or will not say, or cannot: the set stays, and so does everybody."""
    before = await crowd.settle()
    server.process.kill()
    await thalamus.until("the loss is told", "sync", lambda pool: "stale" in pool)
    upstream = await Failing.start()
    for why, unknown in UNKNOWN.items():
        await server.say(Fleet(), unknown)
        await thalamus.until(why, "sync", lambda pool: why in pool.get("stale", {}).get("why", ""))
        assert Moves(before, await crowd.settle()).moved == set(), "nobody moves"
        assert not crowd.failures, crowd.failures[:5]
        assert count(await thalamus.pool("sync")) == len(fleet.pods), "the last set is kept"
    upstream.close()
    await server.say(fleet)
    await thalamus.until("it is back", "sync", lambda pool: "stale" not in pool)


def count(pool):
    return len(names(pool))


class NameServer:
    """dnsmasq; it reads records other than addresses at its start only."""

    def __init__(self, home):
        self.home, self.process = home, None

    async def say(self, fleet, unknown=("local=/test/",)):
        pods = fleet.pods.values()
        hosts = [line for pod in pods for line in (f"host-record={pod.name}.test,{pod.address}",
                                                   f"host-record={NAME},{pod.address}",
                                                   f"srv-host={SERVICE},{pod.name}.test,8083")]
        config = self.home / "dnsmasq.conf"
        config.write_text("\n".join(["keep-in-foreground", "no-resolv", "no-hosts", "edns-packet-max=512", "user=root",
                                     f"listen-address={DNS}", "bind-interfaces", "local-ttl=600", "pid-file",
                                     *unknown, *hosts]))
        if self.process:
            await self.process.stop()
        self.process = Process("dnsmasq", ["dnsmasq", "-C", config], self.home / "dnsmasq.log",
                               stop_signal=signal.SIGKILL)
        self.process.start()


class Failing(asyncio.DatagramProtocol):
    """The name server that dnsmasq asks of what it does not know; it fails at everything."""

    @classmethod
    async def start(cls):
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(cls, local_addr=(DNS, FAILING))
        return transport

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, question, sender):
        flags = bytes([0x80 | question[2] & 0x79, 0x82])
        asked = question[12:question.index(0, 12) + 5]
        self.transport.sendto(question[:2] + flags + bytes([0, 1, 0, 0, 0, 0, 0, 0]) + asked, sender)


async def is_cut_short(name, kind):
    """Whether the answer by UDP says that there is more than it holds."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = bytes([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + labels + bytes([0, 0, kind, 0, 1])

    def ask():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(5)
            udp.sendto(question, (DNS, 53))
            return udp.recv(4096)
    answer = await asyncio.to_thread(ask)
    return bool(answer[2] & 0x02)
