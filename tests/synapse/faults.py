"""Processes die, freeze and restart under a steady load, and workers have more to do than they may; clients see none of it.

A real Synapse with users who sync, write and read, and servers that send signed transactions. `run.py --suite faults`
starts this in the right environment; it prints what every fault did to how many requests.
"""
import asyncio
import sys
import time

import aiohttp
import yaml

import judge.faults
import judge.limits
from drive import limits
from drive.crowd import Crowd
from play import play
from rig.deployment import say
from rig.story import Story
from rig.synapse import SERVER_NAME
from rig.topology import Pool

# Presence, typing and receipts are written in one process, so that the main process has nothing of a client's load.
POOLS = (
    Pool("sync", 2, serves=("sync", "initial_sync")),
    Pool("event_creator", 2, serves=("event_creator",)),
    Pool("client_reader", 2, serves=("client_reader", "messages", "device_keys", "profile", "login")),
    Pool("federation_inbound", 2, serves=("federation_inbound", "federation_reader"), resources=("federation",)),
    Pool("writer", 1, serves=("receipts", "typing", "presence"), streams=("receipts", "typing", "presence")),
    Pool("event_persister", 1, streams=("events",), resources=("health",)),
)
# What waits for a worker gives up after so long: short enough to be seen here, longer than a worker's restart.
WAIT = 25
FROZEN, PAUSED = 60, 20
POLLS, POLL_MS = 80, 12_000
MAIN_ONLY = "/_matrix/client/v3/thirdparty/protocols"


async def drive(deployment):
    crowd = Crowd(deployment, SERVER_NAME)
    async with aiohttp.ClientSession() as session:
        story = Story(deployment, session)
        try:
            await crowd.arrive()
            crowd.start()
            await tell(story, crowd)
            await crowd.end()
        finally:
            await crowd.close()
    return story, crowd


def configure(file):
    settings = yaml.safe_load(file.read_text())
    settings["timeouts"] = {"wait_other": f"{WAIT}s"}
    limits.configure(settings)
    file.write_text(yaml.safe_dump(settings, sort_keys=False))


async def tell(story, crowd):
    for name, fault in (("quiet", quiet), ("restarts", restarts), ("frozen", frozen), ("first syncs", limits.first_syncs),
                        ("retries", limits.retries), ("full queue", limits.full_queue), ("main", main_restarts),
                        ("database", database), ("killed", killed)):
        say(f"{name} ...")
        async with story.chapter(name) as chapter:
            await fault(story, crowd, chapter)
        say(f"{name}: {chapter.end - chapter.start:.0f} s")


async def quiet(story, crowd, chapter):
    await asyncio.sleep(6)


async def restarts(story, crowd, chapter):
    """Every worker that clients reach, one after the other, with requests in flight."""
    for pool in story.deployment.topology.serving():
        for member in story.deployment.topology.of(pool.name):
            chapter.kills[member.name] = await restart(story, crowd, member)


async def restart(story, crowd, member):
    """Ends it while it works on requests; when that was."""
    worker = story.deployment.worker(member.name)
    if member.pool == "federation_inbound":
        # Killed, it would keep Synapse's lock on a room for two minutes, in which nothing is taken from other servers.
        at = time.monotonic()
        await worker.process.stop()
    else:
        worker.process.freeze()
        asked = posts(crowd, member.pool)
        await asyncio.sleep(0.5)
        at = time.monotonic()
        worker.process.kill()
        await asyncio.gather(*asked, return_exceptions=True)
    await worker.start()
    await story.until(member.name, ("serving", "starting"))
    return at


def posts(crowd, pool):
    """A POST of everyone for that pool: some of them are at the worker that is about to die."""
    people, rooms = crowd.world.people, crowd.world.rooms
    match pool:
        case "event_creator":
            work = [crowd.post(room.members[0], room) for room in rooms]
        case "client_reader":
            work = [crowd.ask_for_keys(person) for person in people]
        case "writer":
            work = [crowd.mark(room.members[0], room, crowd.last[room.id]) for room in rooms]
        case _:
            work = []
    return [asyncio.create_task(w) for w in work]


async def frozen(story, crowd, chapter):
    """It accepts connections and answers nothing, which nobody is told."""
    worker = story.deployment.worker("sync1")
    chapter.at = time.monotonic()
    worker.process.freeze()
    await asyncio.sleep(FROZEN)
    worker.process.thaw()
    chapter.thawed = time.monotonic()
    await story.until("sync1", ("serving",))
    await asyncio.sleep(5)


async def main_restarts(story, crowd, chapter):
    """It is away for longer than a request waits for it."""
    main, phone = story.deployment.main, crowd.world.people[0].phone
    await main.process.stop()
    lost = asyncio.create_task(phone.call("GET", MAIN_ONLY, wanted=(503,)))
    await asyncio.sleep(WAIT - 4)
    chapter.waited = asyncio.create_task(phone.call("GET", MAIN_ONLY))
    await asyncio.sleep(6)
    await main.start()
    await asyncio.gather(lost, chapter.waited, return_exceptions=True)


async def database(story, crowd, chapter):
    postgres = story.deployment.postgres
    await story.until_all("serving")
    postgres.freeze()
    try:
        for _ in range(PAUSED * 2):
            chapter.states += await story.states()
            await asyncio.sleep(0.5)
    finally:
        postgres.thaw()
    chapter.thawed = time.monotonic()
    await asyncio.sleep(10)
    chapter.states += await story.states()


async def killed(story, crowd, chapter):
    """With many polls parked there that nothing wakes."""
    parked = await crowd.park(POLLS, POLL_MS)
    worker = story.deployment.worker("sync2")
    chapter.in_flight = (await story.workers())["sync2"]["in_flight"]
    worker.process.kill()
    chapter.answers = await asyncio.gather(*parked, return_exceptions=True)
    await worker.start()
    await story.until("sync2", ("serving", "starting"))


def verdict(told, deployment):
    yield from judge.faults.judge(told, deployment)
    yield from judge.limits.judge(told, deployment)


if __name__ == "__main__":
    sys.exit(play(drive, verdict, POOLS, configure))
