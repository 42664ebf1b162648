"""Whether a worker never had more than it may, and nobody else noticed."""
import collections

from drive import limits
from judge import logs
from judge.checks import Check
from judge.faults import during, none, nobody_failed


def judge(told, deployment):
    story, crowd = told
    sent, chapters, served = crowd.journal.sent, story.chapters, logs.read(deployment.logs)
    yield from first_syncs(sent, chapters["first syncs"], served)
    yield from retries(sent, chapters["retries"], served, logs.computed(deployment.logs))
    yield from full_queue(sent, chapters["full queue"], served)


def first_syncs(sent, chapter, served):
    name = f"{len(chapter.answers)} first syncs at once, {limits.FIRST_SYNCS} a worker"
    yield Check(f"{name}, {chapter.waiting} waited: {{}} not answered 200", [str(a) for a in chapter.answers if not is_good(a)]
                + none(chapter.waiting))
    ours = during(sent, chapter)
    yield at_most(name, limits.FIRST_SYNCS, spans(ours, is_first, served))
    yield from nobody_failed(f"{name}, all", ours)


def retries(sent, chapter, served, computed):
    users, name = limits.names("again", limits.NEW), f"{limits.NEW} clients who give up after {limits.GIVES_UP} s"
    tries = [tries for tries in chapter.tries if isinstance(tries, int)]
    yield Check(f"{name}: {len(tries)} got their first sync in {sum(tries)} tries, {{}} did not",
                [str(t) for t in chapter.tries if not isinstance(t, int)] + none(sum(tries) > len(users)))
    yield Check(f"{name}: Synapse computed {sum(computed[u] for u in users)} first syncs for them, {{}} not once",
                [f"{user}: {computed[user]}" for user in users if computed[user] != 1])
    ours = during(sent, chapter)
    yield at_most(name, limits.FIRST_SYNCS, spans(ours, is_first, served))
    yield from nobody_failed(f"{name}, all others", ours)


def full_queue(sent, chapter, served):
    places, answers = limits.CAP + limits.QUEUE, chapter.answers
    good = [a for a in answers if is_good(a)]
    refused = [a for a in answers if getattr(a, "status", None) == 429]
    name = f"{len(answers)} polls for {limits.CAP} places and a queue of {limits.QUEUE}"
    yield Check(f"{name}: {chapter.in_flight} parked, {chapter.waiting} waited; {len(good)} answered 200, {len(refused)} 429",
                [str(a) for a in answers if a not in good and a not in refused]
                + [f"{places} have a place"] * (len(good) != places)
                + ["that is not the cap and the queue"] * ((chapter.in_flight, chapter.waiting) != (limits.CAP, limits.QUEUE)))
    yield Check("the refused are told M_LIMIT_EXCEEDED and when to come again, {} are not", [
        f"{a.headers} {a.raw}" for a in refused if a.json.get("errcode") != "M_LIMIT_EXCEEDED"
        or not a.json.get("retry_after_ms") or not a.headers.get("Retry-After")] + none(refused))
    ours = during(sent, chapter)
    yield at_most(name, limits.CAP, spans(ours, lambda s: "@crowder" in s.actor and "&since=" in s.target, served))
    yield from nobody_failed(f"{name}, all others", ours)


def is_good(answer):
    return getattr(answer, "status", None) == 200


def is_first(s):
    return s.target == limits.FIRST


def spans(sent, is_meant, served):
    """Worker -> (when it began, when it was done), by Synapse's own log, of all that was one piece of work."""
    work = collections.defaultdict(list)
    for s in sent:
        for record in served.get(s.id, []) if is_meant(s) else []:
            work[record.worker, s.actor, s.target].append(record)
    found = collections.defaultdict(list)
    for (worker, _, _), records in work.items():
        # Those that came later joined the first.
        found[worker].append((min(r.began for r in records), min(r.ended for r in records)))
    return found


def at_most(name, cap, found):
    most = {worker: max(sum(began <= moment < ended for began, ended in all_of) for moment, _ in all_of)
            for worker, all_of in sorted(found.items())}
    return Check(f"{name}: Synapse's logs say at most " + ", ".join(f"{n} at a time at {w}" for w, n in most.items()),
                 [f"{n} at {worker}" for worker, n in most.items() if n > cap] + none(most))
