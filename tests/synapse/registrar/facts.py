"""What a release serves, one line for each method and path: the file under tests/data, and what changed between two."""

HEADER = """\
# Every method and path that Synapse {version} serves, one sample each, with all experimental features, and who can:
# `client`, `federation` and `media` are workers with that resource, `writer` is the worker that writes the stream (any
# other answers 500), `broken` is served by workers that answer 500, `main` is the main process alone.
# `guard` is a place in Synapse that insists on being a stream's writer.
# Made by `python3 tests/synapse/registrar/run.py --write`.
"""

# Registered on workers, and answered 500 there.
BROKEN = {
    # Only the main process's store has `OpenIdStore` (`synapse/storage/databases/main/__init__.py`,
    # `synapse/app/generic_worker.py`; measured, 1.163.2).
    ("GET", "OpenIdUserInfo"): "workers have no OpenIdStore",
}

# Servlets that answer 500 in a worker that does not write this stream (the guards; measured, 1.163.2).
WRITERS = {
    ("PUT", "RoomTypingRestServlet"): "typing",
    ("PUT", "SendToDeviceRestServlet"): "to_device",
    ("POST", "ReceiptRestServlet"): "receipts",
    ("POST", "ReadMarkerRestServlet"): "receipts",
    ("PUT", "PushRuleRestServlet"): "push_rules",
    ("DELETE", "PushRuleRestServlet"): "push_rules",
    ("PUT", "ThreadSubscriptionsRestServlet"): "thread_subscriptions",
    ("DELETE", "ThreadSubscriptionsRestServlet"): "thread_subscriptions",
    ("POST", "QuarantineMediaInRoom"): "quarantined_media_changes",
    ("POST", "QuarantineMediaByUser"): "quarantined_media_changes",
    ("POST", "QuarantineMediaByID"): "quarantined_media_changes",
    ("POST", "UnquarantineMediaByID"): "quarantined_media_changes",
}

# Their paths stand in registration files and not in the table.
REGISTERED = ("ApplicationServiceClientProxy", "ApplicationServiceFederationProxy")


def lines(truth):
    """The facts of one release, sorted."""
    found = {(path, method): who(truth, method, path)
             for setting in truth["settings"].values() for method, path in setting["plain"]}
    listed = [f"{who} {method} {path}" for (path, method), who in sorted(found.items()) if who]
    return listed + [f"guard {guard}" for guard in truth["guards"]]


def who(truth, method, path):
    """The word for who serves it, over all settings; None for what nobody does."""
    names = {kind: servlet.removeprefix("~") for setting in truth["settings"].values() for kind, answers in setting["answers"].items()
             if (servlet := answers.get(path, {}).get(method))}
    servlet = next(iter(names.values()), None)
    workers = [kind for kind in ("client", "federation", "media") if kind in names]
    if servlet in REGISTERED:
        return None
    if (method, servlet) in BROKEN:
        return "broken"
    if workers and (method, servlet) in WRITERS:
        return "writer"
    return workers[0] if workers else "main" if names else None


def text(truth):
    return HEADER.format(version=truth["version"]) + "\n".join(lines(truth)) + "\n"


def stale(truth, file):
    """Faults of a committed file: lines that the package does not bear out."""
    written = file.read_text() if file.exists() else ""
    if written == text(truth):
        return
    yield f"{file.name} is not what Synapse {truth['version']} says; look at this, then run.py --write"
    yield from difference(written.splitlines(), lines(truth))


def missing(truth):
    """Servlets that the lists above name and this release does not have."""
    have = {(method, servlet.removeprefix("~")) for setting in truth["settings"].values() for answers in setting["answers"].values()
            for servlets in answers.values() for method, servlet in servlets.items()}
    return sorted({*BROKEN, *WRITERS} - have)


def difference(old, new):
    """What two lists of facts differ in, for people: what is gone, what is new, who else serves it."""
    before, after = by_endpoint(old), by_endpoint(new)
    for endpoint in sorted(before.keys() | after.keys()):
        was, now = before.get(endpoint), after.get(endpoint)
        if was != now:
            yield f"{was or 'new':>10} -> {now or 'gone':<10} {endpoint}"


def by_endpoint(facts):
    parts = (line.split(" ", 1) for line in facts if line and not line.startswith("#"))
    return {endpoint: who for who, endpoint in parts}
