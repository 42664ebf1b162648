"""Five faults, played in front of any proxy: each says in a few rows what clients noticed."""
import asyncio
import collections
import time

from play.client import Client
from play.traffic import SYNC, Traffic, failed

# A restart of a worker as its clients see it: seconds from its death until it listens again.
AWAY = 1.5
# Until a proxy that checks its workers is sure of them, which makes it less hasty.
SETTLED = 7
FROZEN = 20
KILLED, LEFT = 500, 300
RELOADS = 10


class Stage:
    def __init__(self, proxy, house):
        self.proxy, self.house = proxy, house

    def client(self, user):
        return Client(self.proxy.port, user)

    async def at(self, worker, count):
        """So many users, connected, whom the proxy has at that worker."""
        found, numbers = [], iter(range(100 * count))
        while len(found) < count:
            some = [self.client(f"user{next(numbers)}") for _ in range(50)]
            answers = await asyncio.gather(*[client.ask("GET", SYNC.format(0)) for client in some])
            for client, answer in zip(some, answers):
                found.append(client) if answer.worker == worker else client.close()
        return found[:count]

    async def park(self, clients, milliseconds, workers):
        """All of them poll; the polls, once all are parked at these workers."""
        polls = [asyncio.create_task(client.ask("GET", SYNC.format(milliseconds))) for client in clients]
        while sum([(await self.house.workers[name].figures())["parked"] for name in workers]) < len(clients):
            await asyncio.sleep(0.05)
        return polls


async def killed(stage):
    worker = stage.house.workers["sync1"]
    polls = await stage.park(await stage.at("sync1", KILLED), 6000, ["sync1"])
    worker.process.kill()
    came = counted(await asyncio.gather(*polls))
    await worker.start()
    yield f"kill -9 of a worker with {KILLED} parked syncs: failed", failed(came)


async def frozen(stage):
    users, over = await stage.at("sync1", 20), asyncio.Event()
    polls = [asyncio.create_task(poll_until(over, user)) for user in users]
    await asyncio.sleep(1)
    process = stage.house.workers["sync1"].process
    process.freeze()
    await asyncio.sleep(FROZEN)
    process.thaw()
    await asyncio.sleep(1)
    over.set()
    answers = [answer for user in await asyncio.gather(*polls) for answer in user]
    yield f"SIGSTOP of a worker for {FROZEN} s: the longest wait of its users", f"{max(a.took for a in answers):.1f} s"
    yield "the same: failed", failed(counted(answers))


async def poll_until(over, client):
    answers = []
    while not over.is_set():
        answers.append(await client.ask("GET", SYNC.format(500)))
    return answers


async def restarts(stage):
    names = [name for name in stage.house.workers if not name.startswith("first")]
    async with Traffic(stage.proxy.port) as traffic:
        await asyncio.sleep(SETTLED)
        for name in names:
            worker = stage.house.workers[name]
            worker.process.kill()
            await asyncio.sleep(AWAY)
            await worker.start()
            await asyncio.sleep(0.5)
    for method in ("GET", "PUT", "POST"):
        yield f"{len(names)} workers killed in turn, {AWAY} s away each: {method}s failed", failed(traffic.came[method])
    done = collections.Counter(line for line in stage.house.brought() if "POST" in line)
    yield "the same: POSTs done twice", str(sum(count > 1 for count in done.values()))


async def reloads(stage):
    polls = await stage.park([stage.client(f"parked{n}") for n in range(LEFT)], 1000 * (RELOADS - 2), SYNCS)
    async with Traffic(stage.proxy.port) as traffic:
        for n in range(RELOADS):
            stage.proxy.reload(without="creator3" if n % 2 == 0 else None)
            await asyncio.sleep(1)
        came = counted(await asyncio.gather(*polls))
    yield f"reload every second, a worker goes and comes: of {LEFT} parked polls cut", failed(came)
    yield "the same: other requests failed", failed(sum(traffic.came.values(), collections.Counter()))


async def leaves(stage):
    """Its own graceful stop, and those who come meanwhile, as until a load balancer has noticed."""
    polls = await stage.park([stage.client(f"parked{n}") for n in range(LEFT)], 4000, SYNCS)
    began = time.monotonic()
    stop = asyncio.create_task(stage.proxy.process.stop(grace=30))
    newcomers = []
    while time.monotonic() - began < 3:
        client = stage.client("new")
        newcomers.append(await client.ask("GET", "/_matrix/client/versions"))
        client.close()
        await asyncio.sleep(0.05)
    yield f"its own graceful stop: of {LEFT} parked polls cut", failed(counted(await asyncio.gather(*polls)))
    yield "the same: of those who come in the 3 s after it, failed", failed(counted(newcomers))
    took = await stop
    yield "the same: ended after", f"{took:.1f} s" if took is not None else "not within 30 s"


SYNCS = ("sync1", "sync2", "sync3")
ALL = (killed, frozen, restarts, reloads, leaves)


def counted(answers):
    return collections.Counter(answer.came for answer in answers)
