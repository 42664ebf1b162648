"""Requests that no worker should see, and some that are right but look odd."""

TARGETS = ("/_matrix/client/v3/sync", "/_matrix/client/v3/rooms/x/send/m.room.message/1", "/_matrix/media/v3/upload")
REFUSED = ("/_synapse/replication/presence_set_state/x", "/_synapse/replication/", "/_synapse/metrics")


async def probe(world):
    front, device = world.front, world.people[0].phone
    for target in TARGETS:
        await front.call("OPTIONS", target, headers={"Origin": "https://app.example.org"}, wanted=(200, 204))
    for target in REFUSED:
        for method in ("GET", "POST"):
            await front.call(method, target, wanted=(403, 404))
    await device.call("HEAD", "/_matrix/client/versions")
    # The token in the query, its name encoded; a `;` separates too.
    token = device.access_token.replace("+", "%2B")
    for name in ("access_token", "access%5Ftoken"):
        await front.call("GET", f"/_matrix/client/v3/sync?timeout=0&{name}={token}", **device.facts)
    await front.call("GET", f"/_matrix/client/v3/sync?timeout=0;since={device.next_batch};access_token={token}", **device.facts)
    await front.call("GET", f"/_matrix/client/v3/sync?timeout=0&{'%73ince'}={device.next_batch}&access_token={token}", **device.facts)
    await device.call("GET", f"/_matrix/client/v3/sync?timeout=0&full_state=true&since={device.next_batch}")
    await device.call("GET", "/_matrix/client/v3/sync?since=", wanted=(400,))
    await front.call("GET", "/_matrix/client/v3/sync", wanted=(401,))
    await front.call("GET", "/_matrix/client/v3/sync?since=s1", token="syt_bm9ib2R5_aaaaaaaaaaaaaaaaaaaa_000000", wanted=(401,))
    await device.call("PATCH", "/_matrix/client/v3/joined_rooms", wanted=(405,))
