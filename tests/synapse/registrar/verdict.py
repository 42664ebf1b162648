"""Holds what Thalamus decides against what Synapse's processes answer."""
import collections

from registrar import facts, thalamus

FEDERATION = ("federation", "federation_inbound", "federation_reader", "federation_keys")
MEDIA = ("media", "media_admin", "quarantined_media_changes")

# To main although a worker has the servlet, and why that is right.
RATHER_MAIN = {
    "HealthResource": "every process has it; outside, the main process's is the one that is meant",
    "MSC4108RendezvousSessionResource": "its sessions live in the memory of the process that made them, main",
}
# Sessions in one process's memory: main, unless a pool of their own is given.
ONE_PROCESS = dict.fromkeys((
    "PickIdpResource", "AccountDetailsResource", "AvailabilityCheckResource", "NewUserConsentResource",
    "SsoRegisterResource", "OIDCCallbackResource", "OIDCBackchannelLogoutResource", "SAML2ResponseResource",
    "SAML2MetadataResource", "SsoRedirectServlet", "CasTicketServlet", "CasRedirectServlet"), "sso")


class Deployment:
    """The processes that stand behind the pools of one configuration."""

    def __init__(self, pools):
        self.pools = pools
        self.written = {group for serves in pools.values() for group in serves} & set(facts.WRITERS.values())
        self.main = "main" if "media" in pools else "main_with_media"

    def kind(self, pool):
        if pool == "main":
            return self.main
        return "federation" if pool in FEDERATION else "media" if pool in MEDIA else "client"

    def outcome(self, answers, pool, method, path):
        """`None` when that pool's process has no servlet for it; `500` or `200`, by its name only, when it has."""
        servlet = answers[self.kind(pool)].get(path, {}).get(method)
        if servlet is None:
            return None
        servlet = servlet.removeprefix("~")
        stream = facts.WRITERS.get((method, servlet))
        broken = (method, servlet) in facts.BROKEN and pool != "main"
        return 500 if broken or stream and not self.writes(pool, stream) else 200

    def writes(self, pool, stream):
        return stream not in self.written if pool == "main" else stream in self.pools[pool]


def judge(binary, truth):
    """Prints the counts; the faults, a line each."""
    faults = []
    wanted = {(method, path) for setting in truth["settings"].values() for path in setting["paths"]
              for method in ("GET", "HEAD", "POST", "PUT", "DELETE") if " " not in path and path.startswith("/")}
    for name, pools in thalamus.DEPLOYMENTS.items():
        decided = thalamus.decisions(binary, pools, truth["version"], sorted(wanted))
        deployment = Deployment(pools)
        counts = collections.Counter()
        for setting, found in truth["settings"].items():
            known = set(found["paths"])
            for (method, path), chain in decided.items():
                if path in known:
                    counts["requests"] += 1
                    for fault in wrong(deployment, found["answers"], method, path, chain):
                        counts[fault] += 1
                        faults.append(f"{truth['version']}, {name}, {setting}: {fault}: {method} {path} -> {chain}")
        print(f"{truth['version']}, {name}: {counts['requests']} requests of {len(wanted)} kinds: "
              + ", ".join(f"{counts[fault]} {fault}" for fault in FAULTS), flush=True)
    return faults


NOWHERE, NEEDLESS, CRASH, STRAY = FAULTS = (
    "sent where no servlet answers", "sent to main that a worker can serve",
    "sent to a process that would answer 500", "sent to a worker that nobody answers")


def wrong(deployment, answers, method, path, chain):
    """What is wrong with one decision."""
    asked = "GET" if method == "HEAD" else method
    outcomes = [deployment.outcome(answers, pool, asked, path) for pool in chain]
    servlet = next((s for kind in answers.values() if (s := kind.get(path, {}).get(asked))), None)
    if servlet is None:
        if chain and chain != ["main"] and not path.startswith(OWN_404):
            yield STRAY
        return
    if 500 in outcomes:
        yield CRASH
    elif None in outcomes or not chain:
        yield NOWHERE
    elif chain == ["main"] and not servlet.startswith("~") and servlet not in RATHER_MAIN | ONE_PROCESS:
        if any(deployment.outcome(answers, pool, asked, path) == 200 for pool in deployment.pools):
            yield NEEDLESS


# Below these a 404 or 405 of the process they belong to is as good as main's.
OWN_404 = ("/_matrix/media/", "/_matrix/client/v1/media/", "/_matrix/federation/v1/media/", "/_synapse/admin/v1/media/",
           "/_synapse/mas/", "/_matrix/client/r0/login/sso/redirect/", "/_matrix/client/v3/login/sso/redirect/")
