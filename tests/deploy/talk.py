"""Two people who use everything that a pool serves, through Thalamus."""
import json
import urllib.error
import urllib.request

CLIENT = "/_matrix/client/v3"


class Talk:
    """`run` raises when Synapse answers with anything but 200, or a message does not come."""

    def __init__(self, url):
        self.url = url

    def run(self):
        """They meet, talk, and leave."""
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
        if self.ask(bob, "GET", f"/_matrix/client/v1/media/download/{media}") != b"bytes":
            raise AssertionError("the media came back as something else")
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
        raise AssertionError(f"{event} did not come")

    def register(self, name):
        return self.ask(None, "POST", f"{CLIENT}/register", {
            "username": name, "password": "secret-" + name, "auth": {"type": "m.login.dummy"}})

    def ask(self, person, method, path, body=None):
        """What Synapse answers through Thalamus; anything but 200 fails."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        request.add_header("Content-Type", "application/octet-stream" if isinstance(body, bytes) else "application/json")
        if person:
            request.add_header("Authorization", f"Bearer {person['access_token']}")
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                text, kind = answer.read(), answer.headers.get_content_type()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error
        return json.loads(text) if kind == "application/json" else text
