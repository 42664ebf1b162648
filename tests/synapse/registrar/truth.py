"""Asks one release's registrar everything and prints it as JSON. Runs in that release's environment."""
import json
import logging
import multiprocessing
import pathlib
import sys
import tempfile
import warnings
from importlib.metadata import version

from registrar import guards, processes, samples
from registrar.answers import Answers

METHODS = ("GET", "POST", "PUT", "DELETE")


def main():
    logging.disable(logging.ERROR)
    warnings.showwarning = lambda *_, **__: None
    fork = multiprocessing.get_context("fork")
    found = {}
    with tempfile.TemporaryDirectory(prefix="registrar-") as folder:
        for setting in processes.SETTINGS:
            home = pathlib.Path(folder, setting)
            home.mkdir()
            with fork.Pool(1, maxtasksperchild=1) as pool:
                paths = pool.map(registered, [(kind, setting, home) for kind in processes.KINDS], chunksize=1)
            plain = sorted({(method, path) for some in paths for method, path in some[0]})
            every = sorted({path for some in paths for path in some[1]} | {path for _, path in plain})
            every = sorted({*every, *(near for _, path in plain for near in samples.near_misses(path))})
            with fork.Pool(1, maxtasksperchild=1) as pool:
                asked = [(kind, setting, home, every) for kind in processes.KINDS]
                answers = dict(zip((kind.name for kind in processes.KINDS), pool.map(answered, asked, chunksize=1)))
            found[setting] = {"plain": plain, "paths": every, "answers": answers}
    json.dump({"version": version("matrix-synapse"), "guards": guards.guards(), "settings": found}, sys.stdout)


def registered(asked):
    """The plainest (method, path)s of one process, and more paths."""
    kind, setting, home = asked
    answers = Answers(processes.tree(kind, processes.SETTINGS[setting], home))
    plain, more = set(answers.mounts()), set()
    for method, pattern in answers.patterns():
        first, others = samples.paths(pattern)
        plain.update((method, path) for path in first)
        more.update(others)
    return plain, more


def answered(asked):
    """{path: {method: servlet}} of one process, only what is answered."""
    kind, setting, home, paths = asked
    answers = Answers(processes.tree(kind, processes.SETTINGS[setting], home))
    found = {}
    for path in paths:
        servlets = {method: answers.servlet(method, path) for method in METHODS}
        servlets = {method: servlet for method, servlet in servlets.items() if servlet}
        if servlets:
            found[path] = servlets
    return found


if __name__ == "__main__":
    main()
