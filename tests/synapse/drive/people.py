"""Users register and log in several devices each."""
import hashlib
import hmac

from drive.device import Device, quote, right
from drive.world import Person
from drive.together import together

PEOPLE = 24


async def arrive(world):
    world.admin = await register_admin(world)
    world.people = [Person(f"user{n:02}", world.server, f"198.51.100.{n}") for n in range(1, PEOPLE + 1)]
    # One name each of the awkward kinds that Matrix allows.
    world.people[0].name = "under_score_d"
    world.people[1].name = "a=b.c-d/e"
    await together(settle(world, person, 2 + n % 2) for n, person in enumerate(world.people))


async def settle(world, person, devices):
    """Register, log in on every device, say who one is."""
    await world.front.call("GET", "/_matrix/client/v3/login", address=person.address)
    first = await register(world, person)
    for _ in range(devices - 1):
        await log_in(world, person)
    for device in person.devices:
        right(await device.whoami())
    right(await first.set_displayname(f"{person.name} the guest"))
    right(await first.get_profile())
    me = quote(person.user_id)
    answer = await first.call("POST", f"/_matrix/client/v3/user/{me}/filter", {"room": {"timeline": {"limit": 5}}})
    await first.call("GET", f"/_matrix/client/v3/user/{me}/filter/{answer.json['filter_id']}")


async def register(world, person):
    """The account, and its first device."""
    device = new_device(world, person)
    right(await device.register(person.name, person.password, "phone"))
    return device


async def log_in(world, person):
    """One more device."""
    device = new_device(world, person)
    right(await device.login(person.password, "another"))
    return device


def new_device(world, person):
    plain = "".join(c for c in person.name if c.isalnum()).upper()
    device = Device(world.front, person, f"{plain}{len(person.devices) + 1}")
    person.devices.append(device)
    return device


async def register_admin(world):
    """The shared-secret registration: an admin endpoint, so only the main process has it."""
    person = Person("admin", world.server, "198.51.100.250")
    path = "/_synapse/admin/v1/register"
    nonce = (await world.front.call("GET", path, address=person.address)).json["nonce"]
    text = "\0".join([nonce, person.name, person.password, "admin"])
    mac = hmac.new(world.registration_secret.encode(), text.encode(), hashlib.sha1).hexdigest()
    answer = await world.front.call("POST", path, {
        "nonce": nonce, "username": person.name, "password": person.password, "admin": True, "mac": mac,
    }, address=person.address)
    device = new_device(world, person)
    device.restore_login(person.user_id, answer.json["device_id"], answer.json["access_token"])
    return person
