"""The conversation: everyone writes in their rooms while every device of everyone syncs."""
import asyncio

import nio
from nio.api import ReceiptType

from drive import room_calls
from drive.device import right
from drive.together import together

MESSAGES = 3
NOTES = 1         # to-device messages that each device gets
CURIOUS = 3       # so many members of a room ask everything about it


async def hold(world, meanwhile):
    """Initial syncs first, then messages, and what happens meanwhile.

    What was sent stands in each room's `events`: every device is to see it.
    """
    devices = [d for person in world.people for d in person.devices]
    await together(d.start_syncing() for d in devices)
    finished = asyncio.Event()
    following = [asyncio.create_task(d.follow(finished, lambda d=d: is_complete(world, d))) for d in devices]
    try:
        await together((speak(room, person) for room in world.rooms for person in room.members),
                       (post(world, n) for n in range(len(world.people))), meanwhile)
        for room in world.rooms:                  # a last word wakes whoever still waits
            await say(room, room.members[0], "good night")
    finally:
        finished.set()
        await together(following)


def is_complete(world, device):
    """Every message of the device's rooms has come, and every note to it."""
    events = [event for room in world.rooms if device.person in room.members for event in room.events]
    return all(device.seen[event] for event in events) and len(device.to_device_seen.keys() - {None}) >= NOTES


async def speak(room, person):
    """One member's part in one room."""
    phone = person.phone
    for n in range(MESSAGES):
        right(await phone.room_typing(room.id, True, 5000))
        event = await say(room, person, f"{person.name} says {n}")
        right(await phone.update_receipt_marker(room.id, event, ReceiptType.read))
    right(await phone.room_typing(room.id, False))
    right(await phone.room_messages(room.id, start="", limit=10))
    right(await phone.room_read_markers(room.id, event, event))
    if person in room.members[:CURIOUS]:
        await room_calls.make(room, phone, event)


async def say(room, person, text):
    answer = right(await person.phone.room_send(room.id, "m.room.message", {"msgtype": "m.text", "body": text}))
    room.events.append(answer.event_id)
    return answer.event_id


async def post(world, n):
    """To-device messages from each user to every device of the next one."""
    sender, receiver = world.people[n].phone, world.people[(n + 1) % len(world.people)]
    for device in receiver.devices:
        message = nio.ToDeviceMessage("org.example.note", receiver.user_id, device.device_id,
                                      {"serial": f"{sender.device_id}>{device.device_id}"})
        right(await sender.to_device(message))
