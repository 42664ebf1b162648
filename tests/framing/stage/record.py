"""What one worker saw during one run."""
import dataclasses

MARKER = b"/marker"
# What proxies ask of their own accord.
OWN = (b"/health", b"/_matrix/federation/v1/version")


@dataclasses.dataclass
class Record:
    """`requests` are the whole ones: (method, target, body). `faults` are bytes that the worker could not read."""
    requests: list = dataclasses.field(default_factory=list)
    faults: list = dataclasses.field(default_factory=list)

    def add(self, method, target, body):
        if target not in OWN:
            self.requests.append((method, target, body))

    def case(self):
        """All but the marker."""
        return [seen for seen in self.requests if not seen[1].startswith(MARKER)]

    def markers(self):
        return [seen for seen in self.requests if seen[1].startswith(MARKER)]
