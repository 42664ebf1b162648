#!/usr/bin/env python3
"""5,000 slow clients at once, and what everybody else notices of them.

    python3 tests/framing/slow.py --binary target/release/thalamus

2,000 send heads and 2,000 send bodies byte by byte, 1,000 ask for much and do not read. Prints how long a quick client
waits, quiet and beside them, straight at its worker too, and the memory of Thalamus. Thalamus has a core of its own; the
quick client has a worker of its own, or it would measure that of the slow ones. A figure of a busy machine is worth
nothing. Exit code 1 when a quick request failed or the goal is missed: the p99 within 1.5 of quiet.
"""
import argparse
import asyncio
import multiprocessing
import os
import pathlib
import random
import re
import resource
import shutil
import socket
import statistics
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "synapse"))

from rig.ports import HOST, Ports  # noqa: E402
from stage import proxies  # noqa: E402

HEADS, BODIES, READERS = 2000, 2000, 1000
# Mean seconds between two bytes of a slow client, as irregular as clients are; it begins anew when it is refused.
PAUSE = 2
# Bytes that a slow client has room for.
WINDOW = 64 << 10
GOAL = 1.5
PIECE = bytes(256 << 10)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
QUICK_POOL = """  quick:
    serves: [client_reader]
    workers: [{name: quick, address: "@worker@"}]
"""
QUICK = b"GET /_matrix/client/versions HTTP/1.1\r\nHost: hs.test\r\n\r\n"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--binary", type=pathlib.Path, default=HERE.parents[1] / "target/release/thalamus")
    p.add_argument("--requests", type=int, default=5000, help="quick requests in each of the two measurements")
    args = p.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return asyncio.run(run(args.binary.resolve(), args.requests))


async def run(binary, requests):
    folder, ports = pathlib.Path(tempfile.mkdtemp(prefix="thalamus-slow-")), Ports()
    slow_port, quick_port = ports.free(), ports.free()
    slow, moved = multiprocessing.Value("i", 0), multiprocessing.Value("q", 0)
    children = [begin(worker, slow_port, moved), begin(worker, quick_port, prompt=True)]
    children += [begin(spin, core=core) for core in range(os.cpu_count())]
    proxies.certificate(folder)
    proxy = proxies.thalamus(binary, folder / "thalamus", ports, slow_port)
    with open(folder / "thalamus/thalamus.conf", "a") as config:
        config.write(QUICK_POOL.replace("@worker@", f"{HOST}:{quick_port}"))
    try:
        await proxy.start()
        for thread in pathlib.Path(f"/proc/{proxy.process.pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {0})
        others(prompt=True)
        straight, _ = await measure(quick_port, requests)
        quiet, _ = await measure(proxy.port, requests)
        before = memory(proxy.process.pid)
        children.append(begin(crowd, proxy.port, slow))
        while slow.value < HEADS + BODIES + READERS:
            await asyncio.sleep(0.1)
        await still(moved)
        beside, failed = await measure(proxy.port, requests)
        held = memory(proxy.process.pid) - before
        straight_beside, _ = await measure(quick_port, requests)
        show("quiet", quiet, straight)
        show("beside", beside, straight_beside)
        return judge(quiet, beside, failed, held)
    finally:
        for child in children:
            child.kill()
        await proxy.process.stop(grace=3)
        shutil.rmtree(folder, ignore_errors=True)


def begin(what, *arguments, **place):
    child = multiprocessing.Process(target=lambda: (others(**place), asyncio.run(what(*arguments))), daemon=True)
    child.start()
    return child


def others(prompt=False, core=None):
    """Away from the core that Thalamus has. Who is `prompt` runs before all others there: the slow clients neither stand
    in the quick one's way nor starve, after which they would send all at once. That takes root. Who has a `core` runs
    when nobody else would."""
    if core is not None:
        os.sched_setaffinity(0, {core})
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        return
    os.sched_setaffinity(0, set(range(1, os.cpu_count())) or {0})
    if os.geteuid() == 0:
        policy, priority = (os.SCHED_RR, 1) if prompt else (os.SCHED_OTHER, 0)
        os.sched_setscheduler(0, policy, os.sched_param(priority))


async def spin():
    """Keeps a core awake: to wake one takes longer than a request, and as long as the machine below likes."""
    while True:
        pass


async def still(moved):
    """The readers that stop have what they have room for: until then they are as fast as others."""
    seen = -1
    while seen != moved.value:
        seen = moved.value
        await asyncio.sleep(1)


async def measure(port, requests):
    """Seconds of each quick request, one after the other on one connection, and how many failed."""
    reader, writer = await asyncio.open_connection(HOST, port)
    took, failed = [], 0
    for _ in range(requests):
        began = time.perf_counter()
        writer.write(QUICK)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(re.search(rb"\ncontent-length: (\d+)", head, re.IGNORECASE).group(1)))
        took.append(time.perf_counter() - began)
        failed += not head.startswith(b"HTTP/1.1 200")
        await asyncio.sleep(0.001)
    writer.close()
    return sorted(took), failed


async def crowd(port, slow):
    kinds = [head] * HEADS + [body] * BODIES + [reader] * READERS
    await asyncio.gather(*[again(kind, port, slow, place / len(kinds)) for place, kind in enumerate(kinds)])


async def again(kind, port, slow, place):
    """One slow client for ever; they do not all send at the same moment, and not all are at one address: that one
    would be refused."""
    await asyncio.sleep(5 * place)
    is_new = True
    while True:
        _, writer = await asyncio.open_connection(sock=await connected(port, f"127.0.1.{1 + int(50 * place)}"))
        if is_new:
            with slow.get_lock():
                slow.value += 1
        is_new = False
        try:
            await kind(writer)
        except OSError:
            pass
        writer.close()


async def connected(port, address):
    """A small window: else the kernel would take megabytes for each one that does not read, as fast as it can."""
    client = socket.socket()
    client.setblocking(False)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
    client.bind((address, 0))
    await asyncio.get_running_loop().sock_connect(client, (HOST, port))
    return client


async def head(writer):
    await drip(writer, b"GET /_matrix/client/versions HTTP/1.1\r\nX: ")


async def body(writer):
    await drip(writer, b"POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: hs.test\r\nContent-Length: 9999\r\n\r\n")


async def drip(writer, start):
    writer.write(start)
    while not writer.is_closing():
        await asyncio.sleep(PAUSE * random.uniform(0.5, 1.5))
        writer.write(b"x")
        await writer.drain()


async def reader(writer):
    writer.transport.pause_reading()
    writer.write(b"GET /much HTTP/1.1\r\nHost: hs.test\r\n\r\n")
    await asyncio.sleep(3600)


async def worker(port, moved=None):
    async def serve(reader, writer):
        try:
            while True:
                asked = await reader.readuntil(b"\r\n\r\n")
                if asked.startswith(b"POST"):
                    await reader.readexactly(9999)
                is_much = asked.startswith(b"GET /much")
                for piece in [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * len(PIECE)),
                              *[PIECE] * 64] if is_much else [OK]:
                    writer.write(piece)
                    await writer.drain()
                    if moved:
                        moved.value += len(piece)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()
    server = await asyncio.start_server(serve, HOST, port, backlog=4096)
    await server.serve_forever()


def memory(pid):
    """Resident bytes."""
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def show(name, took, straight):
    print(f"{name:7} p50 {1e6 * statistics.median(took):5.0f} us  p99 {1e6 * p99(took):5.0f} us  "
          f"(without Thalamus: p99 {1e6 * p99(straight):5.0f} us)")


def p99(took):
    return took[len(took) * 99 // 100]


def judge(quiet, beside, failed, held):
    ratio, slow = p99(beside) / p99(quiet), HEADS + BODIES + READERS
    print(f"{slow} slow clients: p99 {ratio:.2f} of quiet (goal {GOAL}), {failed} quick requests failed, "
          f"{held / slow / 1024:.1f} KB each")
    return int(failed > 0 or ratio > GOAL)


if __name__ == "__main__":
    sys.exit(main())
