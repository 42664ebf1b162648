"""A steady load that never stops: users who sync, write, read and mark as read, and servers that send."""
import asyncio
import collections
import itertools
import json

from drive import federation, people, polls, rooms
from drive.device import quote
from drive.front import Front, Unexpected
from drive.journal import Journal
from drive.remote import Remote, certificate
from drive.together import together
from drive.world import Person, World

USERS, SERVERS = 20, 6
# Seconds between two rounds of one user, of one server, and between two syncs of a user.
ROUND, TURN, PAUSE = 3.0, 3.0, 1.0
HOLD_MS = 10_000
C, F = "/_matrix/client/v3", "/_matrix/federation/v1"
FILTER = quote(json.dumps({"room": {"timeline": {"limit": 500}}, "presence": {"types": ["none"]}}))
# An answer that did not come, or not as it should: the journal has it, and the load goes on.
FAILURES = (Unexpected, OSError, asyncio.TimeoutError)


class Crowd:
    """`texts` are the messages that were taken; `seen` says which events each user got for each text."""

    def __init__(self, deployment, server):
        self.journal = Journal()
        front = Front(deployment.thalamus.url, self.journal, at_once=1000)
        # A client that asks again by itself would hide what we want to see.
        front.session._retry_connection = False
        self.world = World(front, self.journal, server, deployment.registration_secret)
        self.directory = deployment.run
        self.texts = {}                                    # text -> room, once the server said yes
        self.seen = collections.defaultdict(lambda: collections.defaultdict(collections.Counter))
        self.last = {}                                     # room id -> an event that everyone may mark
        self.since = {}
        self.numbers = itertools.count()
        self.over, self.quiet = asyncio.Event(), asyncio.Event()
        self.tasks = []

    async def arrive(self):
        world = self.world
        world.people = [Person(f"user{n:02}", world.server, f"198.51.100.{n}") for n in range(1, USERS + 1)]
        await together(people.settle(world, person, 1) for person in world.people)
        await rooms.build(world)
        hosts = [f"127.0.1.{n}" for n in range(1, SERVERS + 1)]
        context = certificate(self.directory, hosts)
        world.remotes = [Remote(world.front, world.server, host, [f"203.0.113.{n}"]) for n, host in enumerate(hosts)]
        await together(remote.start(context) for remote in world.remotes)
        await federation.join(world)
        await together(self.sync(person, 0) for person in world.people)

    def start(self):
        world = self.world
        self.tasks = [asyncio.create_task(work) for work in itertools.chain(
            (self.follow(person) for person in world.people),
            (self.live(person, n) for n, person in enumerate(world.people)),
            (self.serve(remote, federation.room_of(world, n)) for n, remote in enumerate(world.remotes)))]

    async def end(self, wait=30):
        """Nobody writes any more; everyone syncs until all has come, or for `wait` seconds."""
        self.over.set()
        try:
            await asyncio.wait_for(self.all_came(), wait)
        except asyncio.TimeoutError:
            pass                                           # the checks say what is missing
        self.quiet.set()
        await together(self.tasks)

    async def close(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await federation.stop(self.world)
        await together(d.close() for p in self.world.people for d in p.devices)
        await self.world.front.close()

    async def all_came(self):
        while self.missing() or not all(task.done() for task in self.tasks[len(self.world.people):]):
            await asyncio.sleep(0.2)

    def missing(self):
        return [f"{text}: not at {person.name}" for text, room in self.texts.items() for person in room.members
                if text not in self.seen[person.name]]

    def doubled(self):
        return [f"{text}: {dict(events)} at {name}" for name, texts in self.seen.items()
                for text, events in texts.items() if sum(events.values()) > 1]

    async def follow(self, person):
        while not self.quiet.is_set():
            try:
                await self.sync(person, HOLD_MS)
            except FAILURES:
                pass
            await asyncio.sleep(PAUSE)

    async def sync(self, person, hold):
        since = f"&since={self.since[person.name]}" if person.name in self.since else ""
        answer = (await person.phone.call(
            "GET", f"{C}/sync?timeout={hold}&set_presence=offline&filter={FILTER}{since}")).json
        for room in answer.get("rooms", {}).get("join", {}).values():
            for event in room["timeline"]["events"]:
                if event["type"] == "m.room.message":
                    self.seen[person.name][event["content"]["body"]][event["event_id"]] += 1
        self.since[person.name] = answer["next_batch"]

    async def live(self, person, place):
        """One user's rounds: says something, looks around, marks it as read."""
        mine = [room for room in self.world.rooms if person in room.members]
        await asyncio.sleep(ROUND * place / USERS)
        for n in itertools.count():
            if self.over.is_set():
                return
            room = mine[n % len(mine)]
            try:
                event = await self.say(person, room, f"{person.name} says {n}")
                await person.phone.call("GET", reads(person, room)[n % 4])
                await self.mark(person, room, event)
            except FAILURES:
                pass
            await asyncio.sleep(ROUND)

    async def say(self, person, room, text):
        """As clients do: the same transaction again until there is an answer."""
        target = f"{C}/rooms/{quote(room.id)}/send/m.room.message/{quote(text)}"
        while True:
            try:
                answer = await person.phone.call("PUT", target, {"msgtype": "m.text", "body": text})
            except FAILURES:
                await asyncio.sleep(PAUSE)
                continue
            self.texts[text], self.last[room.id] = room, answer.json["event_id"]
            return self.last[room.id]

    async def post(self, person, room):
        """Without a transaction: nobody may send it twice, so a 502 leaves open whether it was done."""
        text = f"posted {next(self.numbers)}"
        await person.phone.call("POST", f"{C}/rooms/{quote(room.id)}/send/m.room.message",
                                {"msgtype": "m.text", "body": text})
        self.texts[text] = room

    async def mark(self, person, room, event):
        await person.phone.call("POST", f"{C}/rooms/{quote(room.id)}/receipt/m.read/{quote(event)}", {})

    async def ask_for_keys(self, person):
        await person.phone.call("POST", f"{C}/keys/query", {"device_keys": {person.user_id: []}})

    async def park(self, count, hold):
        """So many polls that nothing wakes, of all users in turn; their tasks, once they are parked."""
        devices = [person.phone for person in self.world.people]
        poll = f"{C}/sync?filter={polls.FILTER}&set_presence=offline"
        since = (await devices[0].call("GET", f"{poll}&timeout=0")).json["next_batch"]
        tasks = [asyncio.create_task(devices[n % len(devices)].call("GET", f"{poll}&timeout={hold + n}&since={since}"))
                 for n in range(count)]
        await asyncio.sleep(2)
        return tasks

    async def serve(self, remote, room):
        """Another server's transactions, each of which it repeats until it is taken."""
        for n in itertools.count():
            if self.over.is_set():
                return
            text = f"{remote.name} sends {n}"
            content = {"origin": remote.name, "origin_server_ts": 1, "edus": [], "pdus": [remote.message(room, text)]}
            while True:
                try:
                    await remote.call("PUT", f"{F}/send/{self.journal.run}-{n}", content)
                    break
                except FAILURES:
                    await asyncio.sleep(PAUSE)
            self.texts[text] = room
            await asyncio.sleep(TURN)


def reads(person, room):
    r = quote(room.id)
    return (f"{C}/rooms/{r}/joined_members", f"{C}/rooms/{r}/messages?dir=b&limit=5",
            f"{C}/profile/{quote(person.user_id)}/displayname", f"{C}/rooms/{r}/state/m.room.name")
