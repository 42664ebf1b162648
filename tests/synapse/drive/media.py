"""Media up and down, from one byte to 20 MB: what comes down is what went up."""
import hashlib
import random
import struct
import zlib

from drive.device import quote
from drive.together import together

SIZES = (1, 2, 1023, 65_535, 65_536, 65_537, 1_000_000, 5_000_000, 13_107_201, 20_000_000)
SMALL = 22


async def exchange(world):
    """Returns the ids of media that came down differently: there should be none."""
    sizes = [*SIZES, *[1000 + n for n in range(SMALL)]]
    sent = []
    for batch in [sizes[n:n + 8] for n in range(0, len(sizes), 8)]:     # some at a time: 20 MB each is memory
        sent += await together(up_and_down(world, n, size) for n, size in enumerate(batch))
    await thumbnails(world)
    await administer(world, sent)
    world.spoiled = [media for media, same in sent if not same]


async def up_and_down(world, n, size):
    people = world.people
    uploader, reader = people[n % len(people)].phone, people[(n + 1) % len(people)].phone
    content = random.Random(size).randbytes(size)
    answer = await uploader.call("POST", f"/_matrix/media/v3/upload?filename=file-{size}", content,
                                 headers={"Content-Type": "application/octet-stream"})
    media = answer.json["content_uri"].removeprefix("mxc://")
    same = True
    for device in (uploader, reader):
        got = await device.call("GET", f"/_matrix/client/v1/media/download/{media}")
        same &= hashlib.sha256(got.raw).digest() == hashlib.sha256(content).digest()
    got = await reader.call("GET", f"/_matrix/client/v1/media/download/{media}/name.bin",
                            headers={"Range": "bytes=0-0"}, wanted=(200, 206))
    return media, same and got.raw[:1] == content[:1]


async def thumbnails(world):
    for person in world.people[:4]:
        device = person.phone
        answer = await device.call("POST", "/_matrix/media/v3/upload?filename=dot.png", png(64, 48),
                                   headers={"Content-Type": "image/png"})
        media = answer.json["content_uri"].removeprefix("mxc://")
        for size in (32, 96):
            await device.call("GET", f"/_matrix/client/v1/media/thumbnail/{media}?width={size}&height={size}&method=crop")
        await device.call("GET", "/_matrix/client/v1/media/config")
        # Reserved first, filled later.
        made = await device.call("POST", "/_matrix/media/v1/create")
        media = made.json["content_uri"].removeprefix("mxc://")
        await device.call("PUT", f"/_matrix/media/v3/upload/{media}", b"late",
                          headers={"Content-Type": "text/plain"})
        await device.call("GET", f"/_matrix/client/v1/media/download/{media}")


async def administer(world, sent):
    """Listing and quarantining: only processes that have the media can."""
    admin = world.admin.phone
    first, second = sent[0][0], sent[1][0]
    room = quote(world.rooms[0].id)
    await admin.call("GET", f"/_synapse/admin/v1/users/{quote(world.people[0].user_id)}/media")
    await admin.call("GET", f"/_synapse/admin/v1/room/{room}/media")
    await admin.call("POST", f"/_synapse/admin/v1/media/quarantine/{first}", {})
    await admin.call("POST", f"/_synapse/admin/v1/media/unquarantine/{first}", {})
    await admin.call("POST", f"/_synapse/admin/v1/room/{room}/media/quarantine", {})
    await admin.call("DELETE", f"/_synapse/admin/v1/media/{second}")


def png(width, height):
    """A small grey picture."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + bytes(range(width)) for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
