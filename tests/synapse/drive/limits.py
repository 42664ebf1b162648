"""More than a worker may have at a time: first syncs beyond their cap, clients who give up on theirs, a full queue."""
import asyncio

from drive import people, polls
from drive.device import quote
from drive.together import together
from drive.world import Person

NEW, FIRST_SYNCS = 12, 2
FIRST = "/_matrix/client/v3/sync?timeout=0&set_presence=offline"
# Seconds that all first syncs take in the two chapters, and those until a client gives up.
SLOW, SLOWER, GIVES_UP, TRIES = 4, 7, 2, 30

CROWDERS, CAP, QUEUE, POLLS, POLL_MS = 2, 8, 8, 40, 4000


def configure(settings):
    """Few first syncs a worker, and for some users a pool with little room, on a worker that others have too."""
    sync = settings["pools"]["sync"]
    sync["first_syncs"] = FIRST_SYNCS
    worker = {"name": "crowded1", "address": sync["workers"][-1]["address"]}
    settings["pools"]["crowded"] = {"serves": [], "cap": CAP, "queue": QUEUE, "workers": [worker]}
    settings["rules"] = [{"name": "crowders", "user": names("crowder", CROWDERS), "group": "sync", "pool": "crowded"}]


async def first_syncs(story, crowd, chapter):
    """Of everyone at once, each of them long."""
    async with newcomers(crowd, "new", NEW) as phones:
        slow = await slow_first_syncs(story, SLOW)
        syncs = [asyncio.create_task(phone.call("GET", FIRST)) for phone in phones]
        await asyncio.sleep(SLOW / 2)
        chapter.waiting = await story.waiting("sync")
        chapter.answers = await asyncio.gather(*syncs, return_exceptions=True)
        await slow


async def retries(story, crowd, chapter):
    """The same, and nobody waits for long."""
    async with newcomers(crowd, "again", NEW) as phones:
        slow = await slow_first_syncs(story, SLOWER)
        chapter.tries = await asyncio.gather(*[until_answered(phone) for phone in phones], return_exceptions=True)
        await slow


async def until_answered(phone):
    """In how many tries."""
    for tries in range(1, TRIES + 1):
        try:
            await asyncio.wait_for(phone.call("GET", FIRST, wanted=(200, None)), GIVES_UP)
            return tries
        except asyncio.TimeoutError:
            pass
    raise RuntimeError(f"no first sync in {TRIES} tries")


async def full_queue(story, crowd, chapter):
    """More polls than may be there and may wait."""
    async with newcomers(crowd, "crowder", CROWDERS) as phones:
        sync = f"/_matrix/client/v3/sync?filter={polls.FILTER}&set_presence=offline"
        since = (await together(polls.settle(phone, sync) for phone in phones))[-1]
        # Each lasts a little longer than the one before: Synapse joins those that are the same.
        parked = [asyncio.create_task(phones[n % CROWDERS].call(
            "GET", f"{sync}&timeout={POLL_MS + n}&since={quote(since)}", wanted=(200, 429))) for n in range(POLLS)]
        await asyncio.sleep(POLL_MS / 2000)
        chapter.in_flight = (await story.workers())["crowded1"]["in_flight"]
        chapter.waiting = await story.waiting("crowded")
        chapter.answers = await asyncio.gather(*parked, return_exceptions=True)


class newcomers:
    """Phones of so many new users, who have not synced yet."""

    def __init__(self, crowd, name, count):
        self.world = crowd.world
        self.people = [Person(n, self.world.server, f"198.51.100.{200 + i}") for i, n in enumerate(names(name, count))]

    async def __aenter__(self):
        return await together(people.register(self.world, person) for person in self.people)

    async def __aexit__(self, *_):
        await together(person.phone.close() for person in self.people)


def names(name, count):
    return [f"{name}{n}" for n in range(1, count + 1)]


async def slow_first_syncs(story, seconds):
    """Holds every first sync up for so long, and nothing else: a table that only they read, of those who ask here."""
    postgres = story.deployment.postgres
    held = asyncio.create_task(postgres.psql(f"begin; lock table room_tags; select pg_sleep({seconds}); commit", "synapse"))
    # Until it has the lock; a division by zero is an error.
    while await postgres.psql("select 1 / count(*) from pg_locks where relation = 'room_tags'::regclass "
                              "and mode = 'AccessExclusiveLock' and granted", "synapse", check=False):
        await asyncio.sleep(0.05)
    return held
