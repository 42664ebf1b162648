"""Who served a request: the "Processed request" lines of the workers' logs, by request id."""
import collections
import datetime
import re
import typing

LINE = re.compile(
    r"^(?P<at>\S+ \S+) - synapse\.access\.\S+ - \d+ - \w+ - (?P<context>\S+) - "
    r"(?P<ip>\S*) - (?P<tag>\S+) - \{(?P<who>[^}]*)\} Processed request: (?P<took>[-\d.]+)sec/\S+ "
    r".*? \S+B (?P<code>\d+)(?P<cut>!?) \"(?P<method>\S+) (?P<uri>\S*) ")
# The key begins with the user, the timeout and `since`, which a first sync has not.
COMPUTED = re.compile(r"\[sync\]: no cached result for \[\(@(?P<user>[^:]+):[^,]+, \d+, None, ")


class Served(typing.NamedTuple):
    worker: str
    ip: str            # the client address as the worker saw it
    who: str           # the user, or the server of a federation request
    method: str
    uri: str
    status: int
    cut: bool          # the connection was gone before the answer was out
    ended: float       # on the clock of the machine
    took: float

    @property
    def began(self):
        return self.ended - self.took


def read(directory):
    """Request id -> every process that served it, from all logs of a run."""
    served = collections.defaultdict(list)
    for file in sorted(directory.glob("*.log")):
        with open(file, encoding="utf8", errors="replace") as lines:
            for line in lines:
                match = LINE.match(line) if "Processed request" in line else None
                if match and not match["tag"].endswith("-replication"):
                    # The context is METHOD-ID, or METHOD-COUNT for a request without an id.
                    served[match["context"].partition("-")[2]].append(Served(
                        file.stem, match["ip"], match["who"], match["method"], match["uri"],
                        int(match["code"]), bool(match["cut"]), moment(match["at"]), float(match["took"])))
    return served


def moment(text):
    return datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S,%f").timestamp()


def computed(directory):
    """User -> how often a first sync was computed for them, anywhere."""
    found = collections.Counter()
    for file in directory.glob("*.log"):
        with open(file, encoding="utf8", errors="replace") as lines:
            found.update(match["user"] for line in lines if (match := COMPUTED.search(line)))
    return found
