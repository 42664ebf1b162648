"""What the clients sent and what came back: one entry a request, joined with the workers' logs later."""
import contextlib
import dataclasses
import json
import time
import uuid


@dataclasses.dataclass
class Sent:
    """One request as its client saw it. `status` stays None when no answer came."""
    id: str
    method: str
    target: str                # path and query as sent
    actor: str = ""            # the user or the server that asks
    address: str = ""          # the client address in X-Forwarded-For
    device: str = ""
    wanted: tuple = (200,)     # the statuses that are right
    status: int | None = None
    reason: str = ""           # Thalamus' own, when it answered itself
    retry_after: str = ""
    error: str = ""
    began: float = 0.0         # on the run's own clock
    seconds: float = 0.0

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def ended(self):
        return self.began + self.seconds

    @property
    def failed(self):
        return self.status not in self.wanted

    def __str__(self):
        got = self.status if self.status is not None else f"no answer ({self.error})"
        who = f" by {self.actor}" if self.actor else ""
        return f"{self.method} {self.target}{who}: {got}, wanted {' or '.join(map(str, self.wanted))} [{self.id}]"


class Journal:
    def __init__(self):
        self.sent = []
        self.broken = []       # scenarios that did not come to their end
        self.run = uuid.uuid4().hex[:8]

    @contextlib.contextmanager
    def request(self, method, target, **facts):
        """Note a request; set `.status` on what this yields."""
        sent = Sent(f"{self.run}{len(self.sent):06d}", method.upper(), target, **facts)
        self.sent.append(sent)
        sent.began = time.monotonic()
        try:
            yield sent
        except BaseException as e:
            sent.error = f"{type(e).__name__}: {e}"
            raise
        finally:
            sent.seconds = time.monotonic() - sent.began

    def save(self, path):
        path.write_text("".join(json.dumps(dataclasses.asdict(s)) + "\n" for s in self.sent))
