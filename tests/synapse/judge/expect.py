"""Which pool of the rig may serve a request: the suite's own table, not Thalamus'.

Written from Synapse's servlets and the rig's topology; the first line that fits decides.
"""
import re

NOBODY = "nobody"      # the proxy answers; no process of Synapse may see it
CLIENT = r"/_matrix/client/[^/]+"
ROOM = rf"{CLIENT}/rooms/[^/]+"
USER = rf"{CLIENT}/user/[^/]+"
MSC = r"/_matrix/client/unstable/[^/]+"
ADMIN = r"/_synapse/admin/v1"

# (methods or *, path, pool); "or" where Synapse's answer is an error on any process, or both can
TABLE = [
    ("OPTIONS", r".*", NOBODY),
    ("*", r"/_synapse/(replication|metrics).*", NOBODY),
    ("PATCH", r".*", "client_reader or main"),

    # Only the main process has these, though they begin like a worker's.
    ("*", rf"{CLIENT}/(logout|logout/all|refresh|pushers|pushers/set|account/password|login/get_token)", "main"),
    ("*", rf"{CLIENT}/account/(password|3pid)/.+", "main"),
    ("*", rf"{CLIENT}/register/(email|msisdn)/requestToken", "main"),
    ("*", rf"{CLIENT}/(directory/list|thirdparty|admin)/.+", "main"),
    ("*", rf"{ROOM}/(forget|upgrade|report|report/[^/]+)", "main"),
    ("*", rf"{CLIENT}/(users/[^/]+/report|mutual_rooms)", "main"),
    ("*", rf"{USER}/openid/request_token", "main"),
    ("POST", rf"{MSC}/delayed_events/[^/]+(/cancel|/send)?", "main"),

    ("GET", rf"{CLIENT}/sync", "sync or initial"),
    ("GET", rf"{CLIENT}/events", "sync or initial by from"),
    ("GET", rf"{CLIENT}/(initialSync|rooms/[^/]+/initialSync)", "initial"),
    ("POST", rf"{MSC}/sync", "sync or initial by pos"),

    ("*", rf"{ROOM}/typing/[^/]+", "typing"),
    ("*", rf"{CLIENT}/sendToDevice/.+", "to_device"),
    ("*", rf"{USER}(/rooms/[^/]+)?/(account_data/[^/]+|tags|tags/[^/]+)", "account_data"),
    ("*", rf"{ROOM}/(receipt/.+|read_markers)", "receipts"),
    ("*", rf"{CLIENT}/presence/[^/]+/status", "presence"),
    ("*", rf"{CLIENT}/pushrules/.*", "push_rules"),
    ("*", rf"{CLIENT}/(devices|devices/[^/]+|delete_devices|keys/upload|keys/signatures/upload)", "device_lists"),
    ("*", rf"{CLIENT}/keys/device_signing/upload", "device_lists"),
    ("*", rf"{MSC}/(rooms/[^/]+/thread/[^/]+/subscription|thread_subscriptions)", "thread_subscriptions"),
    ("*", rf"{CLIENT}/user_directory/search", "background"),

    ("*", rf"{CLIENT}/(login|register|register/available|password_policy)", "login"),
    ("*", rf"{CLIENT}/(createRoom.*|join/.+|knock/.+)", "event_creator"),
    ("*", rf"{ROOM}/(send|redact|state)/.+", "event_creator"),
    ("*", rf"{ROOM}/(join|invite|leave|ban|unban|kick)", "event_creator"),
    ("*", rf"{MSC}/delayed_events(/.*)?", "event_creator"),

    ("*", r"/_matrix/client/v1/media/.+", "media"),
    ("*", r"/_matrix/(media|federation/v1/media)/.+", "media"),
    ("*", rf"{ADMIN}/(media|quarantine_media|purge_media_cache)(/.*)?", "media"),
    ("*", rf"{ADMIN}/(room|user|users)/[^/]+/media(/.*)?", "media"),

    # Registered on workers, yet answered 500 there: their store has no openid tokens (1.163.2).
    ("GET", r"/_matrix/federation/v1/openid/userinfo", "main"),
    ("PUT", r"/_matrix/federation/v1/send/[^/]+", "federation_inbound"),
    ("*", r"/_matrix/(federation|key)/.+", "federation_reader"),

    ("*", rf"{CLIENT}/(profile/.+|keys/(query|claim|changes)|room_keys/.+|account/whoami|account/3pid)", "client_reader"),
    ("*", rf"{CLIENT}/(publicRooms|joined_rooms|voip/turnServer|search|capabilities|notifications)", "client_reader"),
    ("*", rf"({CLIENT}/directory/room/[^/]+|{USER}/filter(/[^/]+)?|/_matrix/client/versions)", "client_reader"),
    ("*", rf"{ROOM}/(members|joined_members|state|aliases|messages|hierarchy|threads|timestamp_to_event)",
     "client_reader"),
    ("*", rf"{ROOM}/(event|context|relations)/.+", "client_reader"),
    ("*", r"/\.well-known/matrix/.+", "client_reader"),
    # The two admin endpoints that client workers have too.
    ("GET", r"/_synapse/admin/(v2/users|v1/rooms)/[^/]+", "client_reader or main"),
    ("*", r".*", "main"),
]
COMPILED = [(methods.split(), re.compile(path), pool) for methods, path, pool in TABLE]


def pools(method, target):
    """The names of the pools that may serve this request."""
    path, _, query = target.partition("?")
    method = "GET" if method == "HEAD" else method
    found = next(pool for methods, pattern, pool in COMPILED
                 if methods[0] in ("*", method) and pattern.fullmatch(path))
    if found == "sync or initial":
        if ("since", "") in pairs(query):
            return {"sync", "initial"}       # an empty token: 400 on both
        return {"sync" if has(query, "since") and not full_state(query) else "initial"}
    if found == "sync or initial by from":
        return {"sync" if has(query, "from") else "initial"}
    if found == "sync or initial by pos":
        return {"sync" if has(query, "pos") else "initial"}
    return set(found.split(" or "))


def has(query, name):
    """A parameter that has a value; Synapse decodes names and splits at `;` too."""
    return any(key.replace("%73", "s") == name and value for key, value in pairs(query))


def full_state(query):
    return ("full_state", "true") in pairs(query)


def pairs(query):
    return [tuple((part + "=").split("=")[:2]) for part in re.split("[&;]", query)]
