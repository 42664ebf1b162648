"""Synapse's processes: their configuration, and each one's start and end."""
import json
import pathlib
import secrets
import string
import subprocess
import sys

from rig.ports import HOST
from rig.probe import http_status
from rig.process import Process

TEMPLATES = pathlib.Path(__file__).parent / "templates"
SERVER_NAME = "rig.localhost"
# Every listener takes this header as the request's id: it stands in the log line of the worker
# that served the request, which is how the judge knows who did.
REQUEST_ID_HEADER = "X-Rig-Id"
SECRETS = ("REPLICATION_SECRET", "REGISTRATION_SECRET", "MACAROON_SECRET", "FORM_SECRET")
DATABASE_CONNECTIONS = 4


class Worker:
    """One Synapse process, the main process too."""

    def __init__(self, member, conf, run, logs):
        self.member, self.name = member, member.name
        configs = [conf / "homeserver.yaml"] + ([] if member.name == "main" else [conf / f"{member.name}.yaml"])
        argv = [sys.executable, "-m", member.app] + [x for c in configs for x in ("-c", c)]
        self.process = Process(member.name, argv, logs / f"{member.name}.out", cwd=run)

    async def start(self):
        """Start it and wait until it answers; seconds it took."""
        self.process.start()
        return await self.ready()

    async def ready(self):
        return await self.process.until(self.healthy)

    async def healthy(self):
        return await http_status(HOST, self.member.port, "/health") == 200


def write_configs(topology, conf, run, logs, database, redis_port):
    """homeserver.yaml, a file for each worker, a log configuration for each process; the secrets made."""
    made = {name: secrets.token_hex(24) for name in SECRETS}
    shared = {"RUN": run, "CONF": conf, "LOGS": logs, "HOST": HOST, "SERVER_NAME": SERVER_NAME,
              "REQUEST_ID_HEADER": REQUEST_ID_HEADER}
    main = topology.main
    render("homeserver.yaml", conf / "homeserver.yaml", shared, made, {
        "MAIN_PORT": main.port, "MAIN_REPL_PORT": main.replication_port, "REDIS_PORT": redis_port,
        "DATABASE": database, "DB_POOL": DATABASE_CONNECTIONS,
        "INSTANCE_MAP": json.dumps({m.name: {"host": HOST, "port": m.replication_port} for m in topology.members}),
        "STREAM_WRITERS": json.dumps(topology.stream_writers()),
        "DUTIES": "\n".join(duties(topology))})
    for m in topology.members:
        render("log.yaml", conf / f"{m.name}.log.yaml", shared, {"NAME": m.name})
    for m in topology.workers:
        render("worker.yaml", conf / f"{m.name}.yaml", shared, {
            "APP": m.app, "NAME": m.name, "PORT": m.port, "REPL_PORT": m.replication_port,
            "RESOURCES": json.dumps(m.resources)})
    generate = pathlib.Path(sys.executable).with_name("generate_signing_key")
    subprocess.run([generate, "-o", run / "signing.key"], check=True)
    return made


def duties(topology):
    """Work of the main process that a worker does instead, where there is one."""
    lines = []
    if background := topology.names("background"):
        lines += [f"run_background_tasks_on: {background[0]}", f"update_user_directory_from_worker: {background[0]}",
                  f"notify_appservices_from_worker: {background[0]}", f"pusher_instances: [{background[0]}]"]
    if senders := topology.names("federation_sender"):
        lines.append(f"federation_sender_instances: {json.dumps(senders)}")
    if media := topology.names("media"):
        lines += ["enable_media_repo: false", f"media_instance_running_background_jobs: {media[0]}"]
    return lines


def render(template, to, *values):
    """Fill a template; an unknown or a missing name is an error."""
    text = Template((TEMPLATES / f"{template}.in").read_text())
    to.write_text(text.substitute({k: str(v) for group in values for k, v in group.items()}))
    to.chmod(0o600)


class Template(string.Template):
    delimiter = "@"
