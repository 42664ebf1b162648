"""Rooms are made, published and joined: by id, by alias, by invitation."""

import nio

from drive.device import quote, right
from drive.world import Room
from drive.together import together

SIZE = 6
# Room ids of version 12 have no server name in them; those before have.
VERSIONS = ("12", "11")


async def build(world):
    """Rooms of six that overlap by half, so that everyone is in two."""
    people = world.people
    circles = [[people[(start + k) % len(people)] for k in range(SIZE)] for start in range(0, len(people), SIZE // 2)]
    world.rooms = await together(make(world, n, circle) for n, circle in enumerate(circles))


async def make(world, n, members):
    host, *guests = members
    version, local = VERSIONS[n % 2], f"room-{n}"
    answer = right(await host.phone.room_create(name=f"Room {n}", alias=local, room_version=version,
                                                visibility=nio.RoomVisibility.public))
    room = Room(answer.room_id, version, members, f"#{local}:{world.server}")
    await open_to_all(host.phone, room)
    by_alias, by_id, invited, *rest = guests
    await by_alias.phone.call("POST", f"/_matrix/client/v3/join/{quote(room.alias)}", {})
    right(await by_id.phone.join(room.id))
    right(await host.phone.room_invite(room.id, invited.user_id))
    for guest in [invited, *rest]:
        await guest.phone.call("POST", f"/_matrix/client/v3/rooms/{quote(room.id)}/join", {})
    return room


async def open_to_all(host, room):
    right(await host.room_put_state(room.id, "m.room.join_rules", {"join_rule": "public"}))
    right(await host.room_put_state(room.id, "m.room.history_visibility", {"history_visibility": "shared"}))
