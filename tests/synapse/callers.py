"""Users whose tokens name nobody and change all the time, as with the Matrix Authentication Service.

Tokens are written into Synapse's own table, so Synapse answers for them as for any other. Each device says in its
User-Agent which token it uses; Thalamus asks in its name, so the workers' logs tell which token was asked about.
`run.py --suite callers` starts this in the right environment.
"""
import asyncio
import collections
import re
import sys
import time
import urllib.parse

import aiohttp
import yaml

from judge.checks import Check
from play import play
from rig.synapse import SERVER_NAME
from rig.topology import Pool

USERS, DEVICES = 100, 3
# So many times every device gets a new token, and how often it syncs with each.
ROUNDS, SYNCS = 4, 2
AT_ONCE = 12
POOLS = (
    Pool("sync", 3, serves=("sync", "initial_sync")),
    Pool("client_reader", 1, serves=("client_reader",)),
)
# The default budget, and a time for answers so long that who waited for a frozen worker would show.
BUDGET, TIMEOUT = 0.25, 30
SERVED = re.compile(r'Processed request: .* "GET (?P<path>/_matrix/client/v3/[a-z/]+)\S* HTTP/1\.1" "(?P<agent>[^"]+)"')
WHOAMI = "/_matrix/client/v3/account/whoami"


class Device:
    """One device of a user, and the token it has at the moment."""

    def __init__(self, user, number):
        self.user, self.number, self.since = user, number, None

    def turn(self, number):
        self.name = f"r{number}-u{self.user:03}-d{self.number}"

    @property
    def token(self):
        return f"mat_{self.name}_0AbCdE"


class Crowd:
    """All devices, and how long each request took."""

    def __init__(self, deployment, session):
        self.deployment, self.session = deployment, session
        self.devices = [Device(u, d) for u in range(USERS) for d in range(DEVICES)]
        self.places = asyncio.Semaphore(AT_ONCE)
        self.took = collections.defaultdict(list)
        # For each token: when its first sync was sent, and when each was answered.
        self.times = {}

    async def arrive(self):
        await self.sql(f"""
            insert into users (name, creation_ts, shadow_banned)
            select '@' || lpad(u::text, 3, '0') || ':{SERVER_NAME}', 1700000000, false from generate_series(0, {USERS - 1}) u;
            insert into devices (user_id, device_id, display_name, hidden)
            select name, 'D' || d, 'rig', false from users, generate_series(0, {DEVICES - 1}) d where name like '@___:%'""")

    async def turn(self, number):
        """Every device gets a new token, and its old one ends."""
        for device in self.devices:
            device.turn(number)
        rows = ", ".join(f"({number * 10_000 + n}, '@{d.user:03}:{SERVER_NAME}', 'D{d.number}', '{d.token}', false)"
                         for n, d in enumerate(self.devices))
        await self.sql("delete from access_tokens where token like 'mat_%'; "
                       f"insert into access_tokens (id, user_id, device_id, token, used) values {rows}")

    async def sql(self, statement):
        await self.deployment.postgres.psql(statement, database="synapse")

    async def sync(self, phase, count):
        await asyncio.gather(*[self.sync_one(device, phase, count) for device in self.devices])

    async def sync_one(self, device, phase, count):
        for _ in range(count):
            query = {"timeout": "0", "set_presence": "offline"} | ({"since": device.since} if device.since else {})
            url = f"{self.deployment.thalamus.url}/_matrix/client/v3/sync?{urllib.parse.urlencode(query)}"
            headers = {"Authorization": f"Bearer {device.token}", "User-Agent": device.name}
            async with self.places:
                began = time.monotonic()
                times = self.times.setdefault(device.name, [began])
                async with self.session.get(url, headers=headers) as response:
                    answer = await response.json()
                    times.append(time.monotonic())
                    self.took[phase].append(times[-1] - began)
                    if response.status != 200:
                        raise RuntimeError(f"{device.name}: {response.status} {answer}")
            device.since = answer["next_batch"]


async def drive(deployment):
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session:
        crowd = Crowd(deployment, session)
        await live(crowd)
        return crowd, await scrape(session, deployment.thalamus.admin_url)


def configure(file):
    settings = yaml.safe_load(file.read_text())
    settings["callers"] = {"budget": f"{BUDGET * 1000:.0f}ms", "timeout": f"{TIMEOUT}s"}
    # The frozen worker stays in its pool: the point is that it holds nobody up.
    settings["health"] = {"interval": "600s"}
    file.write_text(yaml.safe_dump(settings, sort_keys=False))


async def live(crowd):
    await crowd.arrive()
    for number in range(ROUNDS):
        await crowd.turn(number)
        await crowd.sync("known", SYNCS)
    reader = crowd.deployment.worker("client_reader1").process
    await crowd.turn(ROUNDS)
    reader.freeze()
    await crowd.sync("frozen", 1)
    reader.thaw()
    # What hung is answered first; a token that was given up meanwhile is asked about again.
    await crowd.sync("settled", 1)
    await crowd.turn(ROUNDS + 1)
    await crowd.sync("thawed", SYNCS)


async def scrape(session, admin):
    async with session.get(f"{admin}/metrics") as response:
        lines = (await response.text()).splitlines()
    return {name: float(value) for name, value in
            (line.rsplit(" ", 1) for line in lines if line.startswith("thalamus_token_"))}


def checks(told, deployment):
    crowd, metrics = told
    served = read(deployment.logs)
    tokens = ROUNDS * len(crowd.devices)
    placed = [(agent, worker) for agent, path, worker in served if path.endswith("/sync") and phase(agent) != ROUNDS]
    homes = {user: collections.Counter(workers).most_common(1)[0][0] for user, workers in by_user(placed).items()}
    away = collections.Counter(agent for agent, worker in placed if worker != homes[user_of(agent)])
    asked = collections.Counter(agent for agent, path, _ in served if path == WHOAMI and phase(agent) < ROUNDS)
    syncs = sum(path.endswith("/sync") for _, path, _ in served)
    yield Check(f"{syncs} syncs of {USERS} users with {DEVICES} devices each, and all were served",
                [] if syncs == sum(map(len, crowd.took.values())) else [f"{sum(map(len, crowd.took.values()))} were sent"])
    # The syncs that are away are a token's first ones. The last of them waited until the budget was spent since the first.
    hasty = [agent for agent, count in away.items() if crowd.times[agent][count] - crowd.times[agent][0] < BUDGET]
    yield Check(f"{{}} of {len(placed)} syncs of {len(homes)} users were away from the worker of their user, whose token was "
                f"known, while tokens changed {ROUNDS} times ({away.total()} were away as no answer came within the budget)",
                hasty)
    yield Check(f"users are spread over {len(set(homes.values()))} workers",
                [] if set(homes.values()) == {"sync1", "sync2", "sync3"} else [str(set(homes.values()))])
    yield Check(f"{{}} of {tokens} new tokens were not asked about exactly once",
                [f"{agent}: {count}" for agent, count in asked.items() if count != 1]
                + [f"{tokens - len(asked)} tokens: never"] * (len(asked) != tokens))
    yield Check("{} questions went to the main process",
                [agent for agent, path, worker in served if path == WHOAMI and worker == "main"])
    slow = [took for took in crowd.took["frozen"] if took > BUDGET + 5]
    yield Check(f"{{}} of {len(crowd.took['frozen'])} syncs waited for a worker that hangs "
                f"(median {median(crowd.took['frozen']):.0f} ms, longest {max(crowd.took['frozen']) * 1000:.0f} ms, "
                f"budget {BUDGET * 1000:.0f} ms; before: median {median(crowd.took['known']):.0f} ms, "
                f"longest {max(crowd.took['known']) * 1000:.0f} ms)",
                [f"{took:.3f} s" for took in slow])
    counted = {name: metrics.get(name, 0) for name in (
        'thalamus_token_lookups_total{outcome="user"}', "thalamus_token_cache_hits_total",
        "thalamus_token_cache_entries", "thalamus_token_cache_bytes", "thalamus_token_lookups_late_total")}
    yield Check("Thalamus counts " + ", ".join(f"{name[len('thalamus_token_'):]} {value:.0f}" for name, value in counted.items()),
                [name for name, value in counted.items() if not value])


def by_user(placed):
    """The workers of each user's syncs."""
    found = collections.defaultdict(list)
    for agent, worker in placed:
        found[user_of(agent)].append(worker)
    return found


def user_of(agent):
    return agent.split("-")[1]


def phase(agent):
    return int(agent[1:].split("-")[0])


def median(values):
    return sorted(values)[len(values) // 2] * 1000


def read(directory):
    """Which token's request, which path, which worker, from all logs of the run."""
    found = []
    for file in sorted(directory.glob("*.log")):
        with open(file, encoding="utf8", errors="replace") as lines:
            matches = (SERVED.search(line) for line in lines if "Processed request" in line)
            found += [(m["agent"], m["path"], file.stem) for m in matches if m and re.match(r"r\d+-u", m["agent"])]
    return found


if __name__ == "__main__":
    sys.exit(play(drive, checks, POOLS, configure))
