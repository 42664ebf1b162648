"""Long polls that nothing wakes: they are held for as long as the client asked, and answered."""
import time

from drive import people
from drive.device import quote
from drive.together import together
from drive.world import Person

QUIET = 6
HOLD_MS = (30_000, 12_000, 3_000)
# Presence of others, and one's own, would wake a poll.
FILTER = quote('{"presence":{"limit":0,"types":["none"]},"room":{"rooms":[]},"account_data":{"types":["none"]}}')


async def park(world):
    """Hermits, each with two devices that wait at the same time."""
    world.hermits = [Person(f"hermit{n}", world.server, f"198.51.100.{100 + n}") for n in range(QUIET)]
    await together(live(world, hermit) for hermit in world.hermits)


async def live(world, hermit):
    await people.register(world, hermit)
    await people.log_in(world, hermit)
    await together(wait(device) for device in hermit.devices)


async def wait(device):
    sync = f"/_matrix/client/v3/sync?filter={FILTER}&set_presence=offline"
    since = await settle(device, sync)
    for hold in HOLD_MS:
        answer = await device.call("GET", f"{sync}&timeout={hold}&since={since}")
        since = answer.json["next_batch"]


async def settle(device, sync, held=1.5, tries=20):
    """Poll until nothing comes any more: the news of one's own logins."""
    since = (await device.call("GET", sync)).json["next_batch"]
    for _ in range(tries):
        began = time.monotonic()
        since = (await device.call("GET", f"{sync}&timeout={held * 1000:.0f}&since={since}")).json["next_batch"]
        if time.monotonic() - began >= held:
            break
    return since
