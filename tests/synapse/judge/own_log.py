"""What Thalamus itself wrote: a line for each request, and never a token."""
import re

from judge.checks import Check

SECRET = re.compile(r"syt_\S+_\S+|syr_\S+_\S+|syl_\S+|access_token|Bearer|\?since=")


def checks(records, logs):
    lines = (logs / "thalamus.access.log").read_text().splitlines()
    # The rig's own questions, such as /ready, go to the admin address and stand in no access log.
    yield Check(f"{len(lines)} lines in the access log of Thalamus, one a request",
                [] if len(lines) == len(records) else [f"{len(records)} requests were sent"])
    yield Check("{} of its lines hold a token or a query string", [
        line for name in ("thalamus.access.log", "thalamus.log")
        for line in (logs / name).read_text().splitlines() if SECRET.search(line)])
