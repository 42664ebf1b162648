"""A steady load of all kinds, and what came of it."""
import asyncio
import collections
import itertools
import json

from play.client import Client

SYNC = "/_matrix/client/v3/sync?since=s1&timeout={}"
MAIN_ONLY = "/_matrix/client/v3/thirdparty/protocols"
# Seconds between two requests of one user, and milliseconds that a poll lasts.
PAUSE, POLL = 0.1, 300
EACH = 20


class Traffic:
    """While it runs, users poll, ask main, and send by PUT with a transaction id and by POST. Nobody asks twice."""

    def __init__(self, port):
        self.port, self.numbers = port, itertools.count()
        self.came = collections.defaultdict(collections.Counter)         # method -> what came

    async def __aenter__(self):
        self.over = False
        self.users = [asyncio.create_task(self.user(kind, n)) for kind in ("poll", "main", "PUT", "POST") for n in range(EACH)]
        return self

    async def __aexit__(self, *_):
        self.over = True
        await asyncio.gather(*self.users)

    async def user(self, kind, n):
        await asyncio.sleep(PAUSE * n / EACH)
        client = Client(self.port, f"{kind}{n}")
        while not self.over:
            method, target, body = self.request(kind, n)
            answer = await client.ask(method, target, body)
            self.came[method][answer.came] += 1
            await asyncio.sleep(PAUSE)
        client.close()

    def request(self, kind, n):
        text = f"{kind} {next(self.numbers)}"
        match kind:
            case "poll":
                return "GET", SYNC.format(POLL), b""
            case "main":
                return "GET", MAIN_ONLY, b""
        send = f"/_matrix/client/v3/rooms/!room{n}:hs.test/send/m.room.message"
        body = json.dumps({"msgtype": "m.text", "body": text}).encode()
        return kind, f"{send}/{text.replace(' ', '-')}" if kind == "PUT" else send, body


def failed(came):
    """Such as `3 of 200 (502: 2, cut: 1)`."""
    wrong = {str(what): count for what, count in came.items() if what != 200}
    kinds = ", ".join(f"{what}: {count}" for what, count in sorted(wrong.items()))
    return f"{sum(wrong.values())} of {came.total()}" + (f" ({kinds})" if wrong else "")
