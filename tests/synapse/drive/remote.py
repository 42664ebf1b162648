"""A remote homeserver: it signs requests and events, serves its key, and takes what Synapse sends it."""
import asyncio
import collections
import datetime
import ipaddress
import ssl
import time

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from signedjson.key import encode_verify_key_base64, generate_signing_key, get_verify_key
from signedjson.sign import sign_json
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS
from synapse.crypto.event_signing import add_hashes_and_signatures
from synapse.events import make_event_from_dict

from drive.device import quote

DAY_MS = 86_400_000


class Remote:
    """`name` is host:port, so Synapse finds the key server without any DNS."""

    def __init__(self, front, destination, host, addresses):
        self.front, self.destination, self.host = front, destination, host
        self.addresses = addresses           # the client addresses it sends from, in turn
        self.key = generate_signing_key("rig")
        self.requests = 0
        self.turn = asyncio.Lock()           # a server sends one transaction at a time
        self.latest = {}                     # room id -> (last own event, depth, auth events)
        self.received = collections.Counter()

    async def start(self, certificate):
        app = web.Application(client_max_size=1 << 24)
        app.router.add_get("/_matrix/key/v2/server", self.serve_key)
        app.router.add_put("/_matrix/federation/v1/send/{txn}", self.take)
        app.router.add_route("*", "/{other:.*}", unknown)
        self.runner = web.AppRunner(app, access_log=None)
        await self.runner.setup()
        await web.TCPSite(self.runner, self.host, 0, ssl_context=certificate).start()
        self.name = f"{self.host}:{self.runner.addresses[0][1]}"
        self.user = f"@visitor:{self.name}"

    async def stop(self):
        await self.runner.cleanup()

    async def serve_key(self, _):
        public = encode_verify_key_base64(get_verify_key(self.key))
        return web.json_response(sign_json({
            "server_name": self.name, "valid_until_ts": now() + DAY_MS, "old_verify_keys": {},
            "verify_keys": {f"ed25519:{self.key.version}": {"key": public}}}, self.name, self.key))

    async def take(self, request):
        body = await request.json()
        self.received.update(pdu["type"] for pdu in body.get("pdus", []))
        return web.json_response({"pdus": {}})

    async def call(self, method, target, content=None, **more):
        """One signed request through Thalamus, from the next of our addresses."""
        address = self.addresses[self.requests % len(self.addresses)]
        self.requests += 1
        return await self.front.call(method, target, content, actor=self.name, address=address, headers={
            "Authorization": self.authorization(method, target, content)}, **more)

    def authorization(self, method, target, content):
        asked = {"method": method, "uri": target, "origin": self.name, "destination": self.destination}
        if content is not None:
            asked["content"] = content
        signature = sign_json(asked, self.name, self.key)["signatures"][self.name]
        (key, value), = signature.items()
        return f'X-Matrix origin="{self.name}",destination="{self.destination}",key="{key}",sig="{value}"'

    async def join(self, room):
        """The handshake: a template of our join, signed and sent back."""
        target = f"/_matrix/federation/v1/make_join/{quote(room.id)}/{quote(self.user)}?ver={room.version}"
        event = (await self.call("GET", target)).json["event"]
        join_id = self.sign(room, event)
        answer = await self.call(
            "PUT", f"/_matrix/federation/v2/send_join/{quote(room.id)}/{quote(join_id)}", event)
        rules = [id_of(room, e) for e in answer.json["state"]
                 if e["type"] == "m.room.power_levels" or (e["type"] == "m.room.create" and room.version != "12")]
        self.latest[room.id] = join_id, event["depth"], [*rules, join_id]

    async def send(self, room, texts, txn):
        """A transaction: some messages, and what a server tells beside them; returns the events' ids."""
        async with self.turn:
            pdus = [self.message(room, text) for text in texts]
            ids = [id_of(room, pdu) for pdu in pdus]
            answer = await self.call("PUT", f"/_matrix/federation/v1/send/{txn}", {
                "origin": self.name, "origin_server_ts": now(), "pdus": pdus, "edus": self.news(room)})
            refused = {k: v for k, v in answer.json["pdus"].items() if v}
            if refused:
                raise AssertionError(f"{self.name}: events refused: {refused}")
            return ids

    def message(self, room, text):
        before, depth, rules = self.latest[room.id]
        event = {"type": "m.room.message", "room_id": room.id, "sender": self.user, "origin_server_ts": now(),
                 "content": {"msgtype": "m.text", "body": text}, "depth": depth + 1,
                 "prev_events": [before], "auth_events": rules}
        self.latest[room.id] = self.sign(room, event), depth + 1, rules
        return event

    def news(self, room):
        return [{"edu_type": "m.typing", "content": {"room_id": room.id, "user_id": self.user, "typing": True}},
                {"edu_type": "m.presence", "content": {"push": [
                    {"user_id": self.user, "presence": "online", "last_active_ago": 5}]}}]

    def sign(self, room, event):
        """Sign an event in place; its id."""
        event["origin_server_ts"] = now()
        add_hashes_and_signatures(KNOWN_ROOM_VERSIONS[room.version], event, self.name, self.key)
        return id_of(room, event)


async def unknown(_):
    return web.json_response({"errcode": "M_UNRECOGNIZED", "error": "not here"}, status=404)


def id_of(room, event):
    return make_event_from_dict(event, KNOWN_ROOM_VERSIONS[room.version]).event_id


def now():
    return int(time.time() * 1000)


def certificate(directory, hosts):
    """A TLS context of our own making: Synapse is told not to verify."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "rig")])
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(days=3))
            .add_extension(x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address(h)) for h in hosts]), critical=False)
            .sign(key, hashes.SHA256()))
    file = directory / "remotes.pem"
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                       serialization.NoEncryption()) + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
