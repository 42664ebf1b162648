"""What a client asks about a room: state, members, relations, tags, threads."""
from drive.device import quote


async def make(room, device, event):
    me, r, e = quote(device.user_id), quote(room.id), quote(event)
    base = f"/_matrix/client/v3/rooms/{r}"
    await looks(device, base, r, e)
    await marks_for_oneself(device, f"/_matrix/client/v3/user/{me}/rooms/{r}")
    await writes(device, base, e)
    await threads(device, base, r, e)


async def looks(device, base, r, e):
    for path in ("members", "joined_members", "state", "state/m.room.name", f"state/m.room.member/{quote(device.user_id)}",
                 f"event/{e}", f"context/{e}?limit=4", "messages?dir=b&limit=5", "messages?dir=f&limit=5", "aliases"):
        await device.call("GET", f"{base}/{path}")
    await device.call("GET", f"/_matrix/client/v1/rooms/{r}/hierarchy")
    await device.call("GET", f"/_matrix/client/v1/rooms/{r}/timestamp_to_event?ts=0&dir=f")
    # Ids as some clients write them: the sigil left as it is.
    await device.call("GET", f"{base.replace('%21', '!')}/joined_members")


async def marks_for_oneself(device, base):
    await device.call("PUT", f"{base}/tags/m.favourite", {"order": 0.5})
    await device.call("GET", f"{base}/tags")
    await device.call("DELETE", f"{base}/tags/m.favourite")
    await device.call("PUT", f"{base}/account_data/org.example.draft", {"text": "unsent"})
    await device.call("GET", f"{base}/account_data/org.example.draft", wanted=(200, 404))


async def writes(device, base, e):
    answer = await device.call("PUT", f"{base}/send/m.reaction/{device.device_id}-reaction", {
        "m.relates_to": {"rel_type": "m.annotation", "event_id": e_plain(e), "key": "+1"}})
    await device.call("PUT", f"{base}/redact/{quote(answer.json['event_id'])}/{device.device_id}-redact", {})
    await device.call("POST", f"{base}/receipt/m.read.private/{e}", {})


async def threads(device, base, r, e):
    await device.call("PUT", f"{base}/send/m.room.message/{device.device_id}-thread", {
        "msgtype": "m.text", "body": "in a thread",
        "m.relates_to": {"rel_type": "m.thread", "event_id": e_plain(e)}})
    await device.call("GET", f"/_matrix/client/v1/rooms/{r}/relations/{e}/m.thread")
    await device.call("GET", f"/_matrix/client/v1/rooms/{r}/threads")
    subscription = f"/_matrix/client/unstable/io.element.msc4306/rooms/{r}/thread/{e}/subscription"
    await device.call("PUT", subscription, {})
    await device.call("GET", subscription, wanted=(200, 404))
    await device.call("DELETE", subscription)


def e_plain(e):
    return e.replace("%24", "$")
