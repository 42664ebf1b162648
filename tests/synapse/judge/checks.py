"""The checks: each looks at the joined records and returns one line and its faults."""
import collections
import dataclasses
import re
import urllib.parse

from judge import expect


@dataclasses.dataclass
class Check:
    text: str
    faults: list


@dataclasses.dataclass
class Record:
    """A request as sent, and every process that served it."""
    sent: object
    served: list
    pools: list            # the pools of those processes
    expected: set

    @property
    def worker(self):
        return self.served[0].worker if self.served else None

    def __str__(self):
        by = ", ".join(s.worker for s in self.served) or expect.NOBODY
        return f"{self.sent.method} {self.sent.target}: expected {' or '.join(sorted(self.expected))}, got {by} [{self.sent.id}]"


def join(journal, served, topology):
    return [Record(sent, served.get(sent.id, []), [topology.pool_of(s.worker) for s in served.get(sent.id, [])],
                   expect.pools(sent.method, sent.target)) for sent in journal.sent]


def every_request(records, journal, at_least):
    n = len(records)
    yield Check(f"{n} requests sent, at least {at_least} wanted", [] if n >= at_least else [f"only {n}"])
    yield Check(f"{n} requests: {{}} failed", [str(r.sent) for r in records if r.sent.failed])
    yield Check(f"{n} requests: {{}} served by a process that should not", [
        str(r) for r in records if any(p not in r.expected for p in r.pools)])
    yield Check(f"{n} requests: {{}} served twice", [str(r) for r in records if len(r.served) > 1])
    yield Check(f"{n} requests: {{}} served by nobody though a worker should", [
        str(r) for r in records if not r.served and expect.NOBODY not in r.expected])
    yield Check(f"{n} requests: {{}} broken off or answered otherwise than the worker did", [
        f"{r.sent}, the worker said {s.status}" for r in records for s in r.served
        if s.cut or s.status != r.sent.status])
    yield Check(f"{n} requests: {{}} arrived with another client address than sent", [
        f"{r}: sent {r.sent.address}, arrived {s.ip}" for r in records for s in r.served
        if r.sent.address and s.ip != r.sent.address])
    yield Check("scenarios that did not come to their end: {}", journal.broken)


def main_process(records):
    at_main = [r for r in records if "main" in r.pools]
    kinds = {(r.sent.method, shape(r.sent.path)) for r in at_main}
    yield Check(f"{len(at_main)} requests of {len(kinds)} kinds at main, {{}} of them a worker's",
                [str(r) for r in at_main if "main" not in r.expected])


def pools(records, topology):
    """Every pool gets requests, and so does every worker of it."""
    count = collections.Counter(r.worker for r in records)
    for pool in topology.serving():
        names = topology.names(pool.name)
        yield Check(f"{pool.name}: " + ", ".join(f"{count[n]} requests at {n}" for n in names),
                    [f"{n} got no request" for n in names if not count[n]])
    # Their public listener has no resource but health.
    silent = [n for p in topology.pools if not p.serves for n in topology.names(p.name)]
    yield Check(f"{', '.join(silent)}: no request from outside",
                [f"{n} got {count[n]}" for n in silent if count[n]])


def sticky(records, topology):
    """One key, one worker."""
    yield one_worker(topology, "sync", "incremental syncs of {} users", records_of(
        records, lambda s: s.actor if s.path.endswith("/v3/sync") else None, "sync"))
    yield one_worker(topology, "sync", "sliding syncs with pos of {} users", records_of(
        records, lambda s: s.actor if "simplified_msc3575" in s.path else None, "sync"))
    yield one_worker(topology, "sync", "incremental syncs of any kind of {} users", records_of(
        records, lambda s: s.actor, "sync"))
    yield one_worker(topology, "initial", "initial syncs of {} users", records_of(
        records, lambda s: s.actor, "initial"))
    yield one_worker(topology, "federation_inbound", "transactions of {} servers", records_of(
        records, lambda s: s.actor, "federation_inbound"))
    yield one_worker(topology, "event_creator", "events sent to {} rooms", records_of(
        records, lambda s: room(s.path), "event_creator"))
    yield one_worker(topology, "client_reader", "messages of {} rooms", records_of(
        records, lambda s: room(s.path) if s.path.endswith("/messages") else None, "client_reader"))
    yield one_worker(topology, "media", "downloads of {} media", records_of(
        records, lambda s: media(s.path), "media"))


def several(records):
    """The stickiness above is worth something: more than one device, more than one address."""
    devices, addresses = collections.defaultdict(set), collections.defaultdict(set)
    for r in (r for r in records if r.sent.actor):
        if r.expected == {"sync"}:
            devices[r.sent.actor].add(r.sent.device)
        if r.expected == {"federation_inbound"}:
            addresses[r.sent.actor].add(r.sent.address)
    yield Check(f"{len(devices)} users synced with {sum(map(len, devices.values()))} devices",
                [f"{user} with one device" for user, used in devices.items() if len(used) < 2])
    yield Check(f"{len(addresses)} servers sent from {sum(map(len, addresses.values()))} addresses",
                [f"{server} from one address" for server, used in addresses.items() if len(used) < 2])


def delivery(world):
    """What was sent came to everyone who should have it, once."""
    wanted = [(d, e) for room in world.rooms for p in room.members for d in p.devices for e in room.events]
    yield Check(f"{sum(len(r.events) for r in world.rooms)} messages in {len(world.rooms)} rooms, "
                f"{len(wanted)} deliveries: {{}} missing or doubled",
                [f"{e} came {d.seen[e]} times to {d.device_id}" for d, e in wanted if d.seen[e] != 1])
    people = world.people
    notes = [(d, f"{people[n - 1].phone.device_id}>{d.device_id}") for n, p in enumerate(people) for d in p.devices]
    yield Check(f"{len(notes)} to-device messages: {{}} missing or doubled",
                [f"{note} came {d.to_device_seen[note]} times" for d, note in notes if d.to_device_seen[note] != 1])
    yield Check("media that came down differently: {}", world.spoiled)


def long_polls(records):
    """A poll that nothing wakes is held as long as asked."""
    held = [(r, int(found[1]) / 1000) for r in records
            if "@hermit" in r.sent.actor and (found := re.search(r"[?&]timeout=(\d{5})", r.sent.target))]
    yield Check(f"{len(held)} long polls held up to {max([s for _, s in held], default=0):.0f} s: {{}} cut short",
                [f"{r.sent} after {r.sent.seconds:.1f} s of {asked:.0f}" for r, asked in held
                 if r.sent.seconds < asked - 0.1] or ([] if held else ["none was held"]))


def records_of(records, key, pool):
    """Key -> records, of the requests that this pool should serve."""
    found = collections.defaultdict(list)
    for r in records:
        if r.expected == {pool} and r.served and (k := key(r.sent)):
            found[k].append(r)
    return found


def one_worker(topology, pool, text, groups):
    """Each key on one worker, and the keys spread over all workers of the pool."""
    workers = {key: collections.Counter(r.worker for r in rs) for key, rs in groups.items()}
    used = {w for counts in workers.values() for w in counts}
    faults = [f"{key}: {dict(counts)}" for key, counts in workers.items() if len(counts) > 1]
    faults += [f"{name} got none of them" for name in topology.names(pool) if name not in used]
    n = sum(map(len, groups.values()))
    return Check(f"{text.format(len(groups))}: each on one worker ({n} requests on {len(used)} workers)",
                 faults or ([] if groups else ["there were none"]))


def room(path):
    """The room a path names, however it is written."""
    found = re.search(r"/rooms/([^/]+)", path)
    return urllib.parse.unquote(found[1]) if found else None


def media(path):
    found = re.search(r"/(?:download|thumbnail)/([^/]+/[^/]+)", path)
    return found[1] if found else None


def shape(path):
    """A path without its ids."""
    return re.sub(r"(%21|%40|%24|%23|!|@|\$|#)[^/]+", "*", path)
