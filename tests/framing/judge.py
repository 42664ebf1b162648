"""What happened to one case: a word for the table, and whether that is what Thalamus must do."""
from corpus import answers, case as requests

PASSED, HELD, CLOSED, CUT = "passed", "held", "closed", "cut"
# One request or answer out of what could have been read in two ways.
READ, OTHERWISE = "read", "read otherwise"
FINE = (PASSED, HELD, CLOSED, CUT, READ, requests.REFUSED)


def is_fault(outcome):
    return not (outcome.isdigit() or outcome in FINE)


def request_outcome(case, said, record, alone):
    """One word: `passed` (one request out, whole and as sent), a status (refused), `held`, `closed`, `read`, or what
    went wrong. `alone` is what a Synapse listener made of the same bytes; where that is asked itself, it is `record`.
    """
    seen, is_alone = record.case(), alone is record
    if len(seen) > case.most:
        return f"{len(seen)} requests"
    if record.faults and not is_alone:
        return "unclear to the worker"
    if case.expect == requests.HELD and not said.answers and not said.closed:
        return HELD
    if not seen:
        return str(said.answers[0].line[0]) if said.answers else CLOSED if said.closed else HELD
    if case.expect == requests.REFUSED and same(seen, alone.case()):
        return marker_outcome(said, record, READ)
    if case.expect == requests.REFUSED:
        return OTHERWISE
    if (seen[0][1], seen[0][2]) != (case.target, case.body):
        return "altered"
    return marker_outcome(said, record, PASSED)


def same(seen, alone):
    """True unless Synapse by itself reads another target or body."""
    return not alone or [one[1:] for one in seen] == [one[1:] for one in alone]


def marker_outcome(said, record, fine):
    """`fine` when the request behind this one got its own answer, or the connection ended."""
    if said.unclear:
        return "unclear answer"
    if said.closed or (said.answers and said.answers[-1].closes):
        return fine
    if not said.after:
        return "swallows the next"
    status, body = said.after[0].line[0], said.after[0].body
    is_own = status >= 400 or (record.markers() and body == b"marker")
    return fine if is_own else "mixed"


def stream_outcome(case, said, record):
    """One word for a stream of HTTP/2, as for a request: `passed`, `refused`, `held`, or what went wrong."""
    seen = record.case()
    if len(seen) > case.most:
        return f"{len(seen)} requests"
    if record.faults:
        return "unclear to the worker"
    if not seen:
        return HELD if not said.answers and not said.closed else requests.REFUSED
    if case.expect == requests.REFUSED:
        return READ
    if (seen[0][1], seen[0][2]) != (case.target or seen[0][1], case.body):
        return "altered"
    return PASSED if said.closed or record.markers() else "swallows the next"


def stream_is_right(case, outcome):
    return outcome == {requests.ONE: PASSED}.get(case.expect, case.expect)


def request_is_right(case, outcome):
    wanted = {requests.ONE: PASSED, requests.HELD: HELD, requests.REFUSED: str(case.status)}
    return outcome == wanted[case.expect]


def disagrees(recorded, twisted):
    """True when Twisted saw other requests than those that stand in the bytes, or refused some."""
    return bool(twisted.faults) or recorded.case() != twisted.case() or \
        len(recorded.markers()) != len(twisted.markers())


def answer_outcome(case, said):
    """One word: `passed`, a status (of the proxy), `cut`, `held`, `read`, or what went wrong."""
    if said.unclear:
        return "unclear to the client"
    if len(said.answers) > 1:
        return f"{len(said.answers)} answers"
    if any(after.line[0] < 400 and after.body != b"marker" for after in said.after):
        return "mixed"
    if not said.answers:
        return CUT if said.closed else HELD
    status, body = said.answers[0].line[0], said.answers[0].body
    if case.expect == answers.ONE:
        return PASSED if (status, body) == (case.status, case.body) else f"altered: {status}"
    return str(status) if status >= 500 else READ


def answer_is_right(case, outcome):
    wanted = {answers.ONE: PASSED, answers.BAD: "502", answers.CUT: CUT}
    return outcome == wanted[case.expect]
