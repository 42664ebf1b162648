"""Remote servers join rooms, send signed transactions and read, each from several addresses."""
from drive.device import quote
from drive.remote import Remote, certificate
from drive.together import together

SERVERS = 16
ADDRESSES = 3
TRANSACTIONS = 5
CURIOUS = 6          # so many servers also read
FEDERATED = 4        # so many of the rooms have remote members
F = "/_matrix/federation/v1"


async def start(world, directory):
    hosts = [f"127.0.1.{n}" for n in range(1, SERVERS + 1)]
    context = certificate(directory, hosts)
    world.remotes = [Remote(world.front, world.server, host, [f"203.0.113.{n * 8 + k}" for k in range(ADDRESSES)])
                     for n, host in enumerate(hosts)]
    await together(remote.start(context) for remote in world.remotes)


async def stop(world):
    await together(remote.stop() for remote in world.remotes)


def room_of(world, n):
    return world.rooms[n % FEDERATED]


async def join(world):
    await together(remote.join(room_of(world, n)) for n, remote in enumerate(world.remotes))


async def converse(world):
    await together(write(world, remote, room_of(world, n)) for n, remote in enumerate(world.remotes))
    await together(read(world, remote, room_of(world, n)) for n, remote in enumerate(world.remotes[:CURIOUS]))


async def write(world, remote, room):
    for n in range(TRANSACTIONS):
        room.events += await remote.send(room, [f"{remote.name} sends {n}", "and more"], f"{world.journal.run}-{n}")
    # The same transaction once more, as after a lost answer: taken, and nothing new comes of it.
    target = f"{F}/send/{world.journal.run}-again"
    content = {"origin": remote.name, "origin_server_ts": 1, "pdus": [], "edus": []}
    for _ in range(2):
        await remote.call("PUT", target, content)


async def read(world, remote, room):
    r, event = quote(room.id), quote(room.events[0])
    local = world.people[0].user_id
    for target in (f"{F}/version", f"{F}/event/{event}", f"{F}/state/{r}?event_id={event}",
                   f"{F}/state_ids/{r}?event_id={event}", f"{F}/backfill/{r}?v={event}&limit=5",
                   f"{F}/event_auth/{r}/{event}", f"{F}/publicRooms?limit=3", f"{F}/hierarchy/{r}",
                   f"{F}/query/profile?user_id={quote(local)}&field=displayname",
                   f"{F}/query/directory?room_alias={quote(room.alias)}",
                   f"{F}/timestamp_to_event/{r}?ts=0&dir=f", f"{F}/user/devices/{quote(local)}",
                   f"{F}/make_leave/{r}/{quote(remote.user)}"):
        await remote.call("GET", target)
    await remote.call("POST", f"{F}/get_missing_events/{r}", {
        "earliest_events": [], "latest_events": [room.events[-1]], "limit": 5, "min_depth": 0})
    await remote.call("POST", f"{F}/user/keys/query", {"device_keys": {local: []}})
    await remote.call("POST", f"{F}/user/keys/claim", {"one_time_keys": {local: {"none": "signed_curve25519"}}})
    await unsigned(world, remote)


async def unsigned(world, remote):
    """What a server may ask without a signature."""
    facts = {"address": remote.addresses[0]}
    await world.front.call("GET", "/_matrix/key/v2/server", **facts)
    await world.front.call("POST", "/_matrix/key/v2/query", {"server_keys": {remote.name: {}}}, **facts)
    phone = world.people[0].phone
    answer = await phone.call("POST", f"/_matrix/client/v3/user/{quote(phone.user_id)}/openid/request_token", {})
    await world.front.call("GET", f"{F}/openid/userinfo?access_token={answer.json['access_token']}", **facts)
