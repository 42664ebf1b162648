"""Stand-in workers that park syncs, each at an address of its own."""
import asyncio
import random
import time

PORT = 8083


class Pod:
    def __init__(self, name, address):
        self.name, self.address = name, address
        self.syncs, self.parked, self.cut, self.checks = 0, 0, 0, 0
        self.first_sync = None
        self.server, self.talks = None, set()

    async def start(self):
        self.server = await asyncio.start_server(self.talk, self.address, PORT, backlog=1024)
        return self

    async def stop(self):
        """As after SIGKILL: nobody listens, and what runs is cut."""
        self.server.close()
        for talk in list(self.talks):
            talk.cancel()
        await asyncio.gather(*self.talks, return_exceptions=True)

    async def talk(self, reader, writer):
        self.talks.add(asyncio.current_task())
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"GET /health "):
                    self.checks += 1
                    writer.write(answer("OK", close=True))
                    break
                await self.sync(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.talks.discard(asyncio.current_task())
            writer.close()

    async def sync(self, reader, writer):
        """Parked for a while; a proxy that leaves before the answer has cut the poll."""
        self.first_sync = self.first_sync or time.monotonic()
        self.syncs += 1
        self.parked += 1
        try:
            await asyncio.sleep(random.uniform(0.5, 3))
            if reader.at_eof():
                self.cut += 1
            writer.write(answer(self.name))
            await writer.drain()
        finally:
            self.parked -= 1


def answer(text, close=False):
    connection = "Connection: close\r\n" if close else ""
    return f"HTTP/1.1 200 OK\r\n{connection}Content-Length: {len(text)}\r\n\r\n{text}".encode()
