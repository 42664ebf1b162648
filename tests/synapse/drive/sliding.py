"""Simplified sliding sync: a first answer without `pos`, then polls from each answer's `pos`."""
from drive.together import together

PATH = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"
POLLS = 4
ASK = {
    "lists": {"all": {"ranges": [[0, 9]], "timeline_limit": 5, "required_state": [["m.room.name", ""]]}},
    "extensions": {"to_device": {"enabled": False}, "e2ee": {"enabled": True}, "receipts": {"enabled": True}},
}


async def slide(world):
    """Two devices of each user, so that a user's devices can be seen to share a worker."""
    await together(follow(device) for person in world.people for device in person.devices[:2])


async def follow(device):
    ask = {"conn_id": "rig", **ASK}
    pos = (await device.call("POST", f"{PATH}?timeout=0", ask)).json["pos"]
    for _ in range(POLLS):
        pos = (await device.call("POST", f"{PATH}?pos={pos}&timeout=2000", ask)).json["pos"]
