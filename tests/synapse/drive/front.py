"""Plain requests to the listener of Thalamus, byte for byte as given."""
import asyncio
import contextlib
import dataclasses
import json

import aiohttp
import yarl


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict
    raw: bytes

    @property
    def json(self):
        return json.loads(self.raw)


class Unexpected(Exception):
    """The answer has a status that nobody wanted; it stands in the journal too."""


# So many requests at once that are not polls: more would only wait inside Synapse.
AT_ONCE = 24


class Front:
    def __init__(self, url, journal, at_once=AT_ONCE):
        self.url, self.journal = url, journal
        self.places = asyncio.Semaphore(at_once)
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0),
                                             timeout=aiohttp.ClientTimeout(total=120), auto_decompress=False)

    async def close(self):
        await self.session.close()

    async def call(self, method, target, body=None, *, token="", headers=None, wanted=(200,), **facts):
        """One request; body is JSON, or bytes as they are."""
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, bytes):
            headers["Content-Type"], body = "application/json", json.dumps(body).encode()
        async with self.request(method, target, wanted=wanted, **facts) as sent:
            headers.update(marks(sent))
            async with self.session.request(method, yarl.URL(self.url + target, encoded=True), data=body,
                                            headers=headers, allow_redirects=False) as response:
                answer = Answer(response.status, response.headers, await response.read())
                sent.status, sent.reason = answer.status, answer.headers.get("X-Thalamus-Reason", "")
                sent.retry_after = answer.headers.get("Retry-After", "")
        if sent.failed:
            raise Unexpected(f"{sent} {answer.raw[:200]!r}")
        return answer

    @contextlib.asynccontextmanager
    async def request(self, method, target, **facts):
        """A place among those at once, and an entry in the journal."""
        polls = "timeout=" in target
        async with contextlib.nullcontext() if polls else self.places:
            with self.journal.request(method, target, **facts) as sent:
                yield sent


def marks(sent):
    """The headers by which a request is found again: its id, and where it says it comes from."""
    return {"X-Rig-Id": sent.id, **({"X-Forwarded-For": sent.address} if sent.address else {})}
