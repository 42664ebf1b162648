"""Users who sync without end, each over a connection of its own, and what became of every sync."""
import asyncio
import base64
import binascii
import random
import string
import time

DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase


class Crowd:
    def __init__(self, port, count):
        self.port = port
        self.place, self.since = {}, {}
        self.answered, self.failures, self.slowest_connect = 0, [], 0.0
        self.leaving = False
        self.tasks = [asyncio.create_task(self.live(f"user{number}")) for number in range(count)]

    async def live(self, user):
        target = "/_matrix/client/v3/sync?since=s1_1&timeout=30000"
        head = f"GET {target} HTTP/1.1\r\nHost: hs\r\nAuthorization: Bearer {token(user)}\r\n\r\n".encode()
        reader = writer = None
        while not self.leaving:
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                asked = time.monotonic()
                writer.write(head)
                status, pod = await read(reader)
                if status != 200:
                    raise ConnectionError(f"status {status}: {pod}")
                self.place[user], self.since[user] = pod, asked
                self.answered += 1
            except (OSError, asyncio.IncompleteReadError) as error:
                self.failures.append(f"{user} after {self.place.get(user)}: {error!r}")
                reader = writer = None
                await asyncio.sleep(1)
        if writer:
            writer.close()

    async def settle(self, limit=30):
        """Waits until every user has been answered a sync that began after now; where they are then."""
        now = time.monotonic()
        while not all(self.since.get(user, 0) > now for user in self.users()):
            if time.monotonic() > now + limit:
                raise AssertionError(f"not all users were answered within {limit} s; {self.failures[-3:]}")
            await asyncio.sleep(0.05)
        return dict(self.place)

    def users(self):
        return [f"user{number}" for number in range(len(self.tasks))]

    async def leave(self):
        self.leaving = True
        await asyncio.gather(*self.tasks)


async def read(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length"))
    return int(head.split(" ")[1]), (await reader.readexactly(length)).decode()


def token(user):
    """A token as Synapse makes it: it names its user, and its check sum is right."""
    name = base64.b64encode(user.encode()).decode().rstrip("=")
    start = f"syt_{name}_{''.join(random.choices(string.ascii_letters, k=20))}"
    return f"{start}_{base62(binascii.crc32(start.encode()))}"


def base62(number):
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = DIGITS[digit] + digits
    return digits.rjust(6, "0")
