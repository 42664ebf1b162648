"""Sample paths for a pattern: every choice it has, and for what it leaves open many values, likely and unlikely."""
import itertools
import re._constants as sre
import re._parser

# By the kind of a named group; the first value is the one that stands in the facts.
VALUES = {
    "room": ["!r:hs.test", "%21r%3Ahs.test", "!V12IdWithoutADomain0_-", "%23a%3Ahs.test", "!r:hs.test:8448"],
    "alias": ["%23a:hs.test", "%23a%3Ahs.test", "%23a%2Fb:hs.test"],
    "user": ["@u:hs.test", "%40u%3Ahs.test", "@a%2Fb:hs.test", "@%C3%BC:hs.test"],
    "event": ["$e", "%24e", "$143273582443PhrSn:hs.test", "$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg"],
    "txn": ["t1", "m1700000000.1", "a%20b"],
}
KINDS = {"room_identifier": "room", "room_id": "room", "room_alias": "alias", "user_id": "user",
         "target_user_id": "user", "event_id": "event", "thread_root_id": "event", "parent_id": "event",
         "txn_id": "txn", "transaction_id": "txn"}
SLASHES = ["global/override/r1", "a", "a/b/", "global/content/r%2F1/enabled", ""]
OTHERS = ["x%2Fy", "a.b-c~d", "m.room.message", "state", "1"]


def paths(pattern):
    """The plainest path for each way through the pattern, then those with every other value in every place."""
    parsed = re._parser.parse(pattern)
    names = {number: name for name, number in parsed.state.groupdict.items()}
    ways = list(walk(parsed, "", names))
    plain = list(dict.fromkeys(fill(way) for way in ways))
    return plain, list(dict.fromkeys(path for way in ways for path in spellings(way)))


class Open:
    """A place of a pattern that takes many values."""

    def __init__(self, name, may_be_empty, slashes):
        values = SLASHES if slashes else VALUES.get(KINDS.get(name)) or [name.replace("_", "") or "x", *OTHERS]
        self.values = [v for v in dict.fromkeys([*values, ""]) if v or may_be_empty]


def fill(way, chosen=lambda place: 0):
    """The path of one way, with the chosen value in each place."""
    return "".join(part if isinstance(part, str) else part.values[chosen(part) % len(part.values)] for part in way)


def spellings(way):
    places = [part for part in way if isinstance(part, Open)]
    for place in places:
        for index in range(len(place.values)):
            yield fill(way, lambda part: index if part is place else 0)
    for index in range(max((len(place.values) for place in places), default=0)):
        yield fill(way, lambda _: index)


def walk(parsed, name, names):
    """Every way through a parsed pattern: tuples of texts and open places."""
    steps = [list(step(code, value, name, names)) for code, value in parsed]
    return (sum(parts, ()) for parts in itertools.product(*steps))


def step(code, value, name, names):
    if code is sre.LITERAL:
        return [(chr(value),)]
    if code is sre.AT:
        return [()]
    if code is sre.BRANCH:
        return itertools.chain.from_iterable(walk(branch, name, names) for branch in value[1])
    if code is sre.SUBPATTERN:
        return walk(value[3], names.get(value[0], name), names)
    if code in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        return repeat(*value, name, names)
    if code is sre.ANY:
        # A dot that somebody forgot to escape.
        return [(".",)]
    raise ValueError(f"the sampler does not know {code} in a pattern; teach it")


def repeat(least, most, inner, name, names):
    """`[^/]*` and the like are one open place; an optional part is two ways."""
    code = inner[0][0]
    if len(inner) == 1 and code in (sre.IN, sre.NOT_LITERAL, sre.ANY):
        return [(Open(name, least == 0, code is sre.ANY),)]
    if (least, most) == (0, 1):
        return [(), *walk(inner, name, names)]
    raise ValueError(f"the sampler does not know a repeated {inner}; teach it")


def near_misses(path):
    """Paths that look like this one and are another, or none."""
    head, last = path.rsplit("/", 1)
    yield path + "/"
    yield path + "/x"
    yield path + "_foo"
    yield path[:-1]
    yield head
    yield head + "/"
    yield f"{head}//{last}"
    yield "/" + path
    yield f"{head}/{last.upper()}"
    if last:
        yield f"{head}/%{ord(last[0]):02X}{last[1:]}"
    for version in ("v3", "r0", "v1", "api/v1", "unstable"):
        if f"/{version}/" in path:
            for other in ("v2_alpha", "v99", "v1", "v3", "unstable"):
                yield path.replace(f"/{version}/", f"/{other}/", 1)
