"""The chart synapse boots a real Synapse, and Thalamus in front sends each request where it belongs."""
import asyncio
import json
import pathlib
import shutil
import tempfile
import unittest
import urllib.error
import urllib.request

import helm
import yaml
from machine import BINARY
from pods import Synapse
from rig.ports import HOST, Ports
from rig.postgres import Postgres
from rig.probe import http_status
from rig.process import Process
from rig.redis import Redis

VALUES = pathlib.Path(__file__).parent / "values/boot.yaml"
CLIENT = "/_matrix/client/v3"


class Boot(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="thalamus-boot-"))
        self.folder.chmod(0o711)        # PostgreSQL's user must reach its own directory in it
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.ports = Ports()
        self.addCleanup(self.ports.close)
        objects = helm.template("synapse", "-f", VALUES)
        postgres = Postgres(self.folder / "postgres", self.folder / "postgres.log", 200)
        redis = Redis(self.folder / "redis", self.folder / "redis.log", self.ports.free())
        synapse = Synapse(objects, self.folder, self.ports.free, postgres.socket, redis.port)
        self.front, self.admin = self.ports.free(), self.ports.free()
        config = self.folder / "thalamus.yaml"
        config.write_text(yaml.safe_dump({
            "listeners": [{"address": f"{HOST}:{self.front}"}], "admin": {"address": f"{HOST}:{self.admin}"},
            "pools": synapse.thalamus_pools(objects)}))
        thalamus = Process("thalamus", [BINARY, "run", "--config", config], self.folder / "thalamus.log")
        for process in (postgres.process, redis.process, *synapse.processes, thalamus):
            self.addAsyncCleanup(process.stop)
        await asyncio.gather(postgres.start(), redis.start())
        await synapse.start()
        thalamus.start()
        await thalamus.until(self.ready)

    async def ready(self):
        return await http_status(HOST, self.admin, "/ready") == 200

    async def test_two_people_talk_and_each_worker_does_its_part(self):
        await asyncio.to_thread(self.talk)
        served = {pool["name"]: sum(worker["served"] for worker in pool["workers"]) for pool in self.pools()}
        idle = [name for name, count in served.items() if count == 0]
        self.assertEqual(idle, [], served)

    def talk(self):
        alice, bob = self.register("alice"), self.register("bob")
        room = self.ask(alice, "POST", f"{CLIENT}/createRoom", {"invite": [bob["user_id"]]})["room_id"]
        self.ask(bob, "POST", f"{CLIENT}/join/{room}", {})
        since = self.ask(bob, "GET", f"{CLIENT}/sync")["next_batch"]
        sent = self.ask(alice, "PUT", f"{CLIENT}/rooms/{room}/send/m.room.message/1", {"msgtype": "m.text", "body": "a"})
        # Each of these has one writer, and another process would answer with 500.
        self.ask(alice, "PUT", f"{CLIENT}/rooms/{room}/typing/{alice['user_id']}", {"typing": True, "timeout": 1000})
        self.ask(alice, "PUT", f"{CLIENT}/sendToDevice/a.b/1", {"messages": {bob["user_id"]: {"*": {"a": 1}}}})
        self.ask(bob, "POST", f"{CLIENT}/rooms/{room}/receipt/m.read/{sent['event_id']}", {})
        self.ask(bob, "PUT", f"{CLIENT}/pushrules/global/content/a", {"pattern": "a", "actions": []})
        self.ask(bob, "PUT", f"{CLIENT}/user/{bob['user_id']}/account_data/a.b", {"a": 1})
        self.ask(bob, "PUT", f"{CLIENT}/presence/{bob['user_id']}/status", {"presence": "online"})
        # A message reaches the other, over replication, streams and long polls.
        self.wait_for(sent["event_id"], bob, since, room)
        media = self.ask(alice, "POST", "/_matrix/media/v3/upload", b"bytes")["content_uri"].removeprefix("mxc://")
        self.assertEqual(self.ask(bob, "GET", f"/_matrix/client/v1/media/download/{media}"), b"bytes")
        self.ask(alice, "POST", f"{CLIENT}/user_directory/search", {"search_term": "bob"})
        self.ask(alice, "GET", f"{CLIENT}/joined_rooms")
        self.ask(None, "GET", "/_matrix/federation/v1/version")
        # Only the main process has this.
        self.ask(bob, "POST", f"{CLIENT}/logout", {})

    def wait_for(self, event, person, since, room):
        """Polls until the event is there; other news may come first, each in a poll of its own."""
        for _ in range(10):
            news = self.ask(person, "GET", f"{CLIENT}/sync?since={since}&timeout=30000")
            since = news["next_batch"]
            timeline = news.get("rooms", {}).get("join", {}).get(room, {}).get("timeline", {}).get("events", [])
            if event in [each["event_id"] for each in timeline]:
                return
        self.fail(f"{event} did not come")

    def register(self, name):
        return self.ask(None, "POST", f"{CLIENT}/register", {
            "username": name, "password": "secret-" + name, "auth": {"type": "m.login.dummy"}})

    def ask(self, person, method, path, body=None):
        """What Synapse answers through Thalamus; anything but 200 fails."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{HOST}:{self.front}{path}", data, method=method)
        request.add_header("Content-Type", "application/octet-stream" if isinstance(body, bytes) else "application/json")
        if person:
            request.add_header("Authorization", f"Bearer {person['access_token']}")
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                text, kind = answer.read(), answer.headers.get_content_type()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error
        return json.loads(text) if kind == "application/json" else text

    def pools(self):
        with urllib.request.urlopen(f"http://{HOST}:{self.admin}/api/pools", timeout=60) as answer:
            return json.load(answer)
