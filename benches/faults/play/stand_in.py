"""A stand-in Synapse worker, alone in its process so that it can die and freeze.

    python3 stand_in.py NAME PORT JOURNAL

It parks syncs, computes a session's first sync once for all who ask (as Synapse's `ResponseCache` has it, whether
somebody still waits or not), and writes into JOURNAL what PUT and POST bring, before it works on it.
"""
import asyncio
import collections
import json
import re
import sys

# Seconds: what a first sync takes, and what a PUT or a POST does.
COMPUTES, WORKS = 5, 0.05
FIRST_SYNC = b"{%s}" % (b" " * 100_000)
HEAD = re.compile(rb"(?P<method>\w+) (?P<target>\S+) HTTP/1\.[01]\r\n")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
SESSION = re.compile(rb"\r\nauthorization: *(\S+ \S+)", re.IGNORECASE)
TIMEOUT = re.compile(rb"[?&]timeout=(\d+)")


class StandIn:
    def __init__(self, name, journal):
        self.name, self.journal = name, open(journal, "a", buffering=1, encoding="utf8")
        self.parked = self.computing = self.most = 0
        self.first_syncs = {}                       # session -> the one computation
        self.computed = collections.Counter()

    async def talk(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = LENGTH.search(head)
                body = await reader.readexactly(int(length[1])) if length else b""
                writer.write(self.head(answer := await self.answer(HEAD.match(head), head, body)) + answer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def head(self, answer):
        return (f"HTTP/1.1 200 OK\r\nX-Worker: {self.name}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(answer)}\r\n\r\n").encode()

    async def answer(self, line, head, body):
        target = line["target"]
        if line["method"] in (b"PUT", b"POST"):
            self.journal.write(body.decode() + "\n")
            await asyncio.sleep(WORKS)
        elif target == b"/figures":
            return json.dumps(self.figures()).encode()
        elif b"/sync" in target and b"since=" not in target:
            await self.first_sync(SESSION.search(head)[1])
            return FIRST_SYNC
        elif (asked := TIMEOUT.search(target)) and asked[1] != b"0":
            await self.park(int(asked[1]) / 1000)
        return b"{}"

    async def park(self, seconds):
        self.parked += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self.parked -= 1

    async def first_sync(self, session):
        if session not in self.first_syncs:
            self.first_syncs[session] = asyncio.create_task(self.compute(session))
        await asyncio.shield(self.first_syncs[session])

    async def compute(self, session):
        self.computed[session.decode()] += 1
        self.computing += 1
        self.most = max(self.most, self.computing)
        await asyncio.sleep(COMPUTES)
        self.computing -= 1

    def figures(self):
        """How many syncs are parked now, how often each session's first sync was computed, how many at a time."""
        return {"parked": self.parked, "computed": self.computed, "most": self.most}


async def main(name, port, journal):
    server = await asyncio.start_server(StandIn(name, journal).talk, "127.0.0.1", int(port), backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
