"""tests/framing/TABLE.md: what each proxy makes of each case."""
import pathlib

from judge import is_fault

FILE = pathlib.Path(__file__).resolve().parent / "TABLE.md"
COLUMNS = ("thalamus", "nginx", "haproxy", "alone")

INTRO = """# What two parsers could read differently

Written by `python3 tests/framing/run.py --write`; the suite fails when it is not what the same versions do.
`passed`: one request went out, whole and as it came, and the next one on the connection got its own answer. A number:
refused with that status. `refused`: so, or the stream or the connection was reset. `held`: more is awaited. `closed`, `cut`: the connection ended. `read`: taken for one message,
though another parser may read it in another way; what goes out is clear. Everything else is a fault, in **bold**: more
requests than were sent, a request that the worker (or an answer that the client) cannot read in one way, another target
or body than Synapse reads in the same bytes (`read otherwise`), a changed target or body (`altered`), a next request that
vanishes (`swallows the next`) or gets another's answer (`mixed`).
`(Synapse ...)`: what a Synapse listener behind that proxy saw was something else. The last column is Synapse by itself.

"""


def text(versions, requests, answers, streams):
    """The last three are {case: {column: outcome}}."""
    parts = [INTRO, "Versions: " + ", ".join(f"{name} {version}" for name, version in versions.items()) + "\n"]
    parts += section("Requests", requests, [*COLUMNS], ["Thalamus", "nginx", "HAProxy", "Synapse alone"])
    parts += section("Answers", answers, [*COLUMNS[:3]], ["Thalamus", "nginx", "HAProxy"])
    parts += section("Streams of HTTP/2 that become HTTP/1.1", streams, [*COLUMNS[:3]], ["Thalamus", "nginx", "HAProxy"])
    return "".join(parts)


def section(title, rows, columns, names):
    yield f"\n## {title}\n\n"
    yield "| | " + " | ".join(names) + " |\n|" + "---|" * (len(names) + 1) + "\n"
    yield f"| **faults, of {len(rows)}** | " + " | ".join(
        f"**{sum(is_fault(row[column]) for row in rows.values())}**" for column in columns) + " |\n"
    for name, row in rows.items():
        cells = [f"**{row[column]}**" if is_fault(row[column]) else row[column] for column in columns]
        yield f"| {escape(name)} | " + " | ".join(cells) + " |\n"


def escape(name):
    return name.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")


def stale(wanted):
    """True when the committed table was written with the same versions and says something else."""
    kept = FILE.read_text() if FILE.exists() else ""
    versions = next(line for line in wanted.splitlines() if line.startswith("Versions: "))
    is_same = versions in kept or not kept
    if not is_same:
        print(f"{FILE.name} was written with other versions; here: {versions.removeprefix('Versions: ')}")
    return is_same and kept != wanted
