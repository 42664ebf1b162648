"""Endpoints that only the main process has. Several begin like a worker's."""

from drive import people
from drive.device import quote, right
from drive.world import Person
from drive.together import together

GUESTS = 4
C = "/_matrix/client/v3"


async def visit(world):
    await together(stay(world, n) for n in range(GUESTS))
    await oversee(world)
    for path in ("/", "/_matrix/static/", "/_matrix/client/unstable/org.example.unknown"):
        await world.front.call("GET", path, wanted=(200, 302, 404))


async def stay(world, n):
    """A guest who comes, does everything that is main's, and leaves."""
    person = Person(f"guest{n}", world.server, f"198.51.100.{150 + n}")
    world.guests.append(person)
    device = await people.register(world, person)
    await tokens(world, person, device)
    await pushers(device)
    await rooms(world, device)
    me = quote(person.user_id)
    await device.call("POST", f"{C}/user/{me}/openid/request_token", {})
    await device.call("GET", f"{C}/thirdparty/protocols")
    await device.call("POST", f"{C}/account/password", {"new_password": "other"}, wanted=(401,))
    await device.call("POST", f"{C}/account/3pid/delete", {"medium": "email", "address": "a@example.org"})
    await device.call("POST", f"{C}/users/{quote(world.people[0].user_id)}/report", {"reason": "none"})
    await device.call("GET", f"/_matrix/client/v1/mutual_rooms?user_id={quote(world.people[0].user_id)}")
    await world.front.call("POST", f"{C}/register/email/requestToken", {}, wanted=(400,))
    await device.call("POST", f"{C}/logout/all" if n % 2 else f"{C}/logout", {})


async def tokens(world, person, device):
    """A refresh token is used; a login token made for another device is spent."""
    answer = await world.front.call("POST", f"{C}/login", {
        "type": "m.login.password", "identifier": {"type": "m.id.user", "user": person.name},
        "password": person.password, "refresh_token": True}, **device.facts)
    await world.front.call("POST", f"{C}/refresh", {"refresh_token": answer.json["refresh_token"]}, **device.facts)
    answer = await device.call("POST", "/_matrix/client/v1/login/get_token", {})
    await world.front.call("POST", f"{C}/login", {"type": "m.login.token", "token": answer.json["login_token"]},
                           **device.facts)


async def pushers(device):
    await device.call("GET", f"{C}/pushers")
    await device.call("POST", f"{C}/pushers/set", {
        "kind": "http", "app_id": "org.example", "pushkey": device.device_id, "app_display_name": "rig",
        "device_display_name": "rig", "lang": "en", "data": {"url": "http://127.0.0.1:9/_matrix/push/v1/notify"}})
    await device.call("POST", f"{C}/pushers/set", {"kind": None, "app_id": "org.example", "pushkey": device.device_id})


async def rooms(world, device):
    """Upgraded, listed, reported, forgotten: main's, between the workers' room endpoints."""
    made = right(await device.room_create(name="short-lived", room_version="11"))
    room = quote(made.room_id)
    sent = right(await device.room_send(made.room_id, "m.room.message", {"msgtype": "m.text", "body": "bad"}))
    await device.call("GET", f"{C}/directory/list/room/{room}")
    await device.call("PUT", f"{C}/directory/list/room/{room}", {"visibility": "private"})
    await device.call("POST", f"{C}/rooms/{room}/report/{quote(sent.event_id)}", {"reason": "none", "score": -1})
    await device.call("POST", f"{C}/rooms/{room}/report", {"reason": "none"})
    await device.call("POST", f"{C}/rooms/{room}/upgrade", {"new_version": "12"})
    await device.call("POST", f"{C}/rooms/{room}/leave", {})
    await device.call("POST", f"{C}/rooms/{room}/forget", {})


async def oversee(world):
    admin = world.admin.phone
    user = quote(world.people[0].user_id)
    for path in ("/_synapse/admin/v1/server_version", "/_synapse/admin/v2/users?limit=3", "/_synapse/admin/v1/rooms?limit=3",
                 f"/_synapse/admin/v1/whois/{user}", f"{C}/admin/whois/{user}", f"/_synapse/admin/v2/users/{user}",
                 f"/_synapse/admin/v1/rooms/{quote(world.rooms[0].id)}"):
        await admin.call("GET", path)
