"""The whole drive, in order: people come, rooms are made, then everything happens at once."""
import traceback

from drive import (edges, federation, keys, main_only, media, people, person_calls, polls, rooms, sliding, talk)
from drive.front import Front
from drive.journal import Journal
from drive.together import together
from drive.world import World


async def drive(url, server, registration_secret, directory):
    """Run every scenario; the world afterwards, with its journal."""
    journal = Journal()
    front = Front(url, journal)
    world = World(front, journal, server, registration_secret)
    try:
        await scenario(world, "people arrive", people.arrive(world))
        await scenario(world, "rooms are made", rooms.build(world))
        await scenario(world, "remote servers start", federation.start(world, directory))
        await scenario(world, "remote servers join", federation.join(world))
        await together(
            scenario(world, "long polls", polls.park(world)),
            scenario(world, "conversation", talk.hold(world, federation.converse(world))),
            scenario(world, "calls about users", person_calls.make(world)),
            scenario(world, "keys", keys.exchange(world)),
            scenario(world, "sliding sync", sliding.slide(world)),
            scenario(world, "media", media.exchange(world)),
            scenario(world, "main process only", main_only.visit(world)))
        await scenario(world, "odd requests", edges.probe(world))
    finally:
        await federation.stop(world)
        await together(d.close() for p in world.everyone() for d in p.devices)
        await front.close()
    return world


async def scenario(world, name, steps):
    """One that fails is noted, and the others go on."""
    try:
        await steps
    except Exception as e:
        world.journal.broken.append(f"{name}: {e}")
        traceback.print_exc()
