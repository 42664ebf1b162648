"""What a client asks about its user: push rules, presence, profile, account data, directories."""

from drive.device import quote, right
from drive.together import together


CURIOUS = 12      # so many people also look around


async def make(world):
    await together(calls_of(world, person) for person in world.people)


async def calls_of(world, person):
    device = person.phone
    await push_rules(device)
    await presence(device)
    await profile(device)
    await account_data(device)
    if person in world.people[:CURIOUS]:
        await directories(world, device)
        await event_stream(device)
        await delayed_event(world, device)


async def push_rules(device):
    rule = "/_matrix/client/v3/pushrules/global/content/cake"
    await device.call("GET", "/_matrix/client/v3/pushrules/")
    await device.call("PUT", rule, {"actions": ["notify"], "pattern": "cake"})
    await device.call("PUT", f"{rule}/enabled", {"enabled": False})
    await device.call("PUT", f"{rule}/actions", {"actions": []})
    # Another process than the one that wrote: it may still be a moment behind.
    await device.call("GET", f"{rule}", wanted=(200, 404))
    await device.call("DELETE", rule)


async def presence(device):
    right(await device.set_presence("online", "driving"))
    right(await device.get_presence(device.user_id))


async def profile(device):
    me = quote(device.user_id)
    await device.call("PUT", f"/_matrix/client/v3/profile/{me}/avatar_url", {"avatar_url": "mxc://rig/none"})
    await device.call("GET", f"/_matrix/client/v3/profile/{me}/displayname")
    await device.call("PUT", f"/_matrix/client/v3/profile/{me}/org.example.pronouns", {"org.example.pronouns": "they"})
    await device.call("GET", f"/_matrix/client/v3/profile/{me}")
    # Not encoded: `@` and `:` may stand in a path.
    await device.call("GET", f"/_matrix/client/v3/profile/{me.replace('%40', '@').replace('%3A', ':')}")


async def account_data(device):
    mine = f"/_matrix/client/v3/user/{quote(device.user_id)}/account_data/org.example.settings"
    await device.call("PUT", mine, {"colour": "green"})
    await device.call("GET", mine, wanted=(200, 404))


async def directories(world, device):
    await device.call("POST", "/_matrix/client/v3/user_directory/search", {"search_term": "guest", "limit": 5})
    await device.call("GET", "/_matrix/client/v3/publicRooms?limit=3")
    await device.call("POST", "/_matrix/client/v3/publicRooms", {"limit": 3})
    await device.call("GET", f"/_matrix/client/v3/directory/room/{quote(world.rooms[0].alias)}")
    await device.call("POST", "/_matrix/client/v3/search", {
        "search_categories": {"room_events": {"search_term": "says"}}})
    for path in ("/_matrix/client/v3/joined_rooms", "/_matrix/client/v3/capabilities", "/_matrix/client/versions",
                 "/_matrix/client/v3/notifications", "/_matrix/client/v3/voip/turnServer",
                 "/_matrix/client/v3/account/3pid", "/.well-known/matrix/client", "/.well-known/matrix/server"):
        await device.call("GET", path, wanted=(200, 404) if "well-known" in path else (200,))


async def event_stream(device):
    """The old API: a snapshot, then events from a point on."""
    await device.call("GET", "/_matrix/client/v3/initialSync?limit=1")
    answer = await device.call("GET", "/_matrix/client/v3/events?timeout=0")
    await device.call("GET", f"/_matrix/client/v3/events?timeout=0&from={answer.json['end']}")


async def delayed_event(world, device):
    """Scheduled, looked at, put off by a worker; cancelled by the main process, which alone can."""
    room = next(r for r in world.rooms if device.person in r.members)
    sent = await device.call(
        "PUT", f"/_matrix/client/v3/rooms/{quote(room.id)}/send/m.room.message/later"
               "?org.matrix.msc4140.delay=600000", {"msgtype": "m.text", "body": "later"})
    base = "/_matrix/client/unstable/org.matrix.msc4140/delayed_events"
    delayed = quote(sent.json["delay_id"])
    await device.call("GET", base)
    await device.call("POST", f"{base}/{delayed}/restart", {})
    await device.call("POST", f"{base}/{delayed}/cancel", {})
