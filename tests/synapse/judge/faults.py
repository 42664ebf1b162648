"""What each fault did to the requests that ran meanwhile: a check a line, with its counts."""
import collections

from judge import logs
from judge.checks import Check

# A worker that ends while it works on a request: the request's fate is unknown, and the client is told so.
LOST = ("CLOSED", "EJECTED", "CUT_SHORT")
ELSEWHERE = 10      # seconds until the users of a frozen worker are served by another
BACK = 40           # and until they are back once it turns again


def judge(told, deployment):
    story, crowd = told
    crowd.journal.save(deployment.logs / "requests.jsonl")
    sent, chapters = crowd.journal.sent, story.chapters
    yield from nobody_failed("quiet", during(sent, chapters["quiet"]))
    yield from restarts(during(sent, chapters["restarts"]), chapters["restarts"])
    yield from frozen(sent, chapters["frozen"], logs.read(deployment.logs))
    yield from main(during(sent, chapters["main"]), chapters["main"])
    yield from database(during(sent, chapters["database"]), chapters["database"])
    yield from killed(during(sent, chapters["killed"]), chapters["killed"])
    yield Check(f"{len(crowd.texts)} messages to {sum(len(r.members) for r in crowd.texts.values())} users: {{}} missing",
                crowd.missing())
    yield Check(f"{len(crowd.texts)} messages: {{}} came twice", crowd.doubled())
    yield Check("{} requests had an answer that nobody should get", [
        str(s) for s in sent if s.failed and not (s.status in (502, 503) and s.reason)])


def during(sent, chapter):
    """All that ran at any time of a chapter."""
    return [s for s in sent if s.began < chapter.end and s.ended > chapter.start]


def counts(sent):
    count = collections.Counter(s.method for s in sent)
    return ", ".join(f"{count[m]} {m}s" for m in ("GET", "PUT", "POST") if count[m])


def nobody_failed(name, sent):
    yield Check(f"{name}: {counts(sent)}: {{}} failed", [str(s) for s in sent if s.failed])


def restarts(sent, chapter):
    name = f"every worker restarted, {len(chapter.kills)} in turn"
    for method in ("GET", "PUT"):
        ours = [s for s in sent if s.method == method]
        yield Check(f"{name}: {len(ours)} {method}s, {{}} failed", [str(s) for s in ours if s.failed])
    asked = [s for s in sent if s.method == "POST"]
    lost = [s for s in asked if s.status == 502 and s.reason in LOST]
    yield Check(f"{name}: {len(asked)} POSTs, {len(lost)} in flight at a worker that died were answered 502 with a reason, "
                "{} failed otherwise", [str(s) for s in asked if s.failed and s not in lost])
    at = {worker: [s for s in lost if s.began < when < s.ended] for worker, when in chapter.kills.items()}
    yield Check("of those, by worker: " + ", ".join(f"{len(v)} at {k}" for k, v in at.items() if v),
                [f"none at {k}" for k in ("client_reader1", "client_reader2", "writer1") if not at[k]])
    counted = sum(chapter.after.get(r, 0) - chapter.before.get(r, 0) for r in LOST)
    yield Check(f"and Thalamus counts {counted}", [] if counted == len(lost) else [f"{len(lost)} were answered so"])


def frozen(sent, chapter, served):
    ours = during(sent, chapter)
    yield from nobody_failed("a sync worker frozen for a minute", ours)
    syncs = [s for s in sent if "/sync?" in s.target and s.status == 200]
    by = lambda s: {record.worker for record in served.get(s.id, [])}
    homes = {s.actor: by(s) for s in sorted(syncs, key=lambda s: s.ended) if s.ended < chapter.at}
    users = [user for user, workers in homes.items() if workers == {"sync1"}]
    first = {user: min((s.ended for s in syncs if s.actor == user and s.ended > chapter.at and "sync2" in by(s)),
                       default=float("inf")) - chapter.at for user in users}
    yield Check(f"its {len(users)} users were served elsewhere after {span(first)}, {{}} of them later than {ELSEWHERE} s",
                [f"{u}: {t:.1f} s" for u, t in first.items() if t > ELSEWHERE] or none(users))
    back = {user: min((s.began for s in syncs if s.actor == user and s.began > chapter.thawed and by(s) == {"sync1"}),
                      default=float("inf")) - chapter.thawed for user in users}
    yield Check(f"they were back {span(back)} after it woke, {{}} of them later than {BACK} s",
                [f"{u}: {t:.1f} s" for u, t in back.items() if t > BACK] or none(users))


def main(sent, chapter):
    at_main = [s for s in sent if "/thirdparty/" in s.target]
    others = [s for s in sent if s not in at_main]
    yield from nobody_failed("the main process away, what workers serve", others)
    told = [s for s in at_main if s.status == 503]
    yield Check("what only it serves: " + ", ".join(
        f"{s.status} after {s.seconds:.1f} s" + (f", {s.reason}, Retry-After {s.retry_after}" if s.reason else "")
        for s in at_main), [str(s) for s in at_main if s.failed]
        + [f"{s}: no Retry-After" for s in told if not s.retry_after] + none(told))


def database(sent, chapter):
    waited = [s for s in sent if s.began < chapter.thawed < s.ended]
    yield from nobody_failed("PostgreSQL paused", sent)
    yield Check(f"{len(waited)} requests waited for it, {{}} of them longer than 10 s after it went on",
                [str(s) for s in waited if s.ended > chapter.thawed + 10 and "/sync?" not in s.target] or none(waited))
    yield Check(f"{len(chapter.states)} looks at a worker meanwhile: {{}} found it not serving",
                [f"{name}: {state}" for name, state in chapter.states if state != "serving"] or none(chapter.states))


def killed(sent, chapter):
    good = [a for a in chapter.answers if getattr(a, "status", None) == 200]
    yield Check(f"kill -9 of a worker with {chapter.in_flight} of {len(chapter.answers)} parked polls: "
                f"{len(good)} answered 200, {{}} not",
                [str(a) for a in chapter.answers if a not in good] + none(chapter.in_flight > 10))
    yield from nobody_failed("and all others meanwhile", sent)


def span(seconds):
    return f"{min(seconds.values()):.1f} to {max(seconds.values()):.1f} s" if seconds else "-"


def none(some):
    """A check of nothing is no check."""
    return [] if some else ["there were none"]
