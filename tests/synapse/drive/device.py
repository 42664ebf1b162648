"""One device of a user: matrix-nio, with every request in the journal, and plain calls beside it."""
import asyncio
import collections
import urllib.parse

import nio

from drive.front import Unexpected, marks

PAUSE = 1.0        # seconds between two syncs: what happens meanwhile comes in one answer
ROUNDS = 6         # syncs after everyone has finished: what has not come by then is missing
SYNC_FILTER = {"room": {"timeline": {"limit": 200}}}


class Device(nio.AsyncClient):
    def __init__(self, front, person, device_id):
        config = nio.AsyncClientConfig(max_limit_exceeded=0, max_timeouts=0, request_timeout=120)
        super().__init__(front.url, person.user_id, device_id, config=config)
        self.front, self.person = front, person
        self.seen = collections.Counter()      # event id -> how often an incremental sync brought it
        self.to_device_seen = collections.Counter()

    @property
    def facts(self):
        return {"actor": self.person.user_id, "address": self.person.address, "device": self.device_id or ""}

    async def send(self, method, path, data=None, headers=None, trace_context=None, timeout=None):
        """nio's own way out: every request it makes passes here."""
        async with self.front.request(method, path, **self.facts) as sent:
            response = await super().send(method, path, data, {**(headers or {}), **marks(sent)},
                                          trace_context, self.config.request_timeout)
            sent.status = response.status
            # A body that breaks off later is a failure too.
            await response.read()
        return response

    async def call(self, method, target, body=None, **more):
        """A plain request as this device."""
        return await self.front.call(method, target, body, token=self.access_token, **{**self.facts, **more})

    async def start_syncing(self):
        """The initial sync."""
        right(await self.sync(timeout=0, sync_filter=SYNC_FILTER))

    async def sync_once(self, timeout=10_000):
        """One incremental sync; counts what it brings."""
        answer = right(await self.sync(timeout=timeout, sync_filter=SYNC_FILTER))
        for room in answer.rooms.join.values():
            self.seen.update(event.event_id for event in room.timeline.events)
        self.to_device_seen.update(e.source["content"].get("serial") for e in answer.to_device_events)
        return answer

    async def follow(self, finished, is_complete):
        """Sync until `finished` is set and `is_complete()`, or `ROUNDS` more have not made it so."""
        rounds = 0
        while rounds < ROUNDS and not (finished.is_set() and is_complete()):
            await self.sync_once()
            rounds += finished.is_set()
            await asyncio.sleep(PAUSE)


def right(answer):
    """nio returns errors; here they end the scenario."""
    if isinstance(answer, nio.ErrorResponse):
        raise Unexpected(str(answer))
    return answer


def quote(part):
    """One segment of a path, as clients send it: also `/` is encoded."""
    return urllib.parse.quote(part, safe="")
