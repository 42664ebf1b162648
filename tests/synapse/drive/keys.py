"""End-to-end keys: uploaded, queried, claimed, backed up. The keys are real, no message uses them."""

from nacl.public import PrivateKey
from signedjson.key import encode_verify_key_base64, generate_signing_key, get_verify_key
from signedjson.sign import sign_json
from unpaddedbase64 import encode_base64
from drive.device import quote
from drive.together import together

ALGORITHMS = ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"]
ONE_TIME_KEYS = 4
CURIOUS = 12       # so many users ask for the keys of the next one


async def exchange(world):
    await together(upload(device) for person in world.people for device in person.devices)
    await together(ask(world, n) for n in range(CURIOUS))


async def upload(device):
    user, name = device.user_id, device.device_id
    identity = generate_signing_key(name)
    identity.version = name              # the key's id is then ed25519:DEVICE
    keys = {f"curve25519:{name}": curve_key(), f"ed25519:{name}": public(identity)}
    signed = sign_json({"user_id": user, "device_id": name, "algorithms": ALGORITHMS, "keys": keys}, user, identity)
    once = {f"signed_curve25519:AAAA{n}": sign_json({"key": curve_key()}, user, identity)
            for n in range(ONE_TIME_KEYS)}
    await device.call("POST", "/_matrix/client/v3/keys/upload", {"device_keys": signed, "one_time_keys": once})


async def ask(world, n):
    person, other = world.people[n], world.people[(n + 1) % len(world.people)]
    device = person.phone
    await device.call("POST", "/_matrix/client/v3/keys/query", {"device_keys": {other.user_id: []}})
    await device.call("POST", "/_matrix/client/v3/keys/claim", {
        "one_time_keys": {other.user_id: {d.device_id: "signed_curve25519" for d in other.devices}}})
    await device.call("GET", "/_matrix/client/v3/devices")
    await device.call("PUT", f"/_matrix/client/v3/devices/{quote(device.device_id)}", {"display_name": "renamed"})
    await device.call("GET", f"/_matrix/client/v3/devices/{quote(device.device_id)}")
    await cross_sign(device)
    await back_up(world, device)


async def cross_sign(device):
    master = generate_signing_key("m")
    name = public(master)
    key = {"user_id": device.user_id, "usage": ["master"], "keys": {f"ed25519:{name}": name}}
    await device.call("POST", "/_matrix/client/v3/keys/device_signing/upload", {"master_key": key})
    await device.call("POST", "/_matrix/client/v3/keys/signatures/upload", {})


async def back_up(world, device):
    base = "/_matrix/client/v3/room_keys"
    made = await device.call("POST", f"{base}/version", {
        "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": {"public_key": curve_key()}})
    version = made.json["version"]
    session = {"first_message_index": 0, "forwarded_count": 0, "is_verified": True, "session_data": {"ciphertext": "x"}}
    await device.call("PUT", f"{base}/keys?version={version}", {"rooms": {world.rooms[0].id: {"sessions": {"s": session}}}})
    await device.call("GET", f"{base}/keys?version={version}")
    await device.call("GET", f"{base}/version")


def curve_key():
    return encode_base64(bytes(PrivateKey.generate().public_key))


def public(key):
    return encode_verify_key_base64(get_verify_key(key))
