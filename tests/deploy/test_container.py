"""The image: small, static, without root, and a real request goes through it."""
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import unittest

from machine import ROOT, attempt, debian, run

LARGEST = 15_000_000


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        debian("buildah", "buildah")
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="thalamus-image-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        store = f"--storage-driver vfs --root {cls.folder}/root --runroot {cls.folder}/run"
        cls.buildah = ["buildah", *store.split()]
        # A server of any user but root must reach it.
        cls.folder.chmod(0o755)
        (cls.folder / "conf").mkdir(mode=0o755)
        run(ROOT / "deploy/container/build", "localhost/thalamus:test", env=dict(os.environ, BUILDAH=store))
        cls.container = run(*cls.buildah, "from", "localhost/thalamus:test").strip()
        inspected = json.loads(run(*cls.buildah, "inspect", "--type", "image", "localhost/thalamus:test"))
        cls.image = inspected["Docker"]["config"]
        root = pathlib.Path(run(*cls.buildah, "mount", cls.container).strip())
        # Before anything runs: a run adds /etc/hosts and the like.
        cls.files = {f"/{path.relative_to(root)}": path.stat().st_size for path in root.rglob("*") if path.is_file()}
        run(*cls.buildah, "umount", cls.container)

    def command(self, *arguments):
        """How the image runs a command."""
        return [*self.buildah, "run", "--isolation", "chroot", "--user", self.image["User"],
                "--volume", f"{self.folder}/conf:/etc/thalamus:ro", self.container, "--", *arguments]

    def test_it_holds_one_small_file(self):
        self.assertEqual(list(self.files), ["/thalamus"])
        self.assertLessEqual(self.files["/thalamus"], LARGEST)

    def test_it_runs_without_root(self):
        self.assertRegex(self.image["User"], r"^[1-9]\d+:[1-9]\d+$")
        secret = self.folder / "conf/secret.yaml"
        secret.write_text("pools: {main: {workers: ['127.0.0.1:1']}}\n")
        secret.chmod(0o600)
        done = attempt(*self.command("/thalamus", "check", "--config", "/etc/thalamus/secret.yaml"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("we may not read this file", done.stdout + done.stderr)

    def test_a_request_goes_through_it_and_it_checks_its_own_health(self):
        worker = Worker()
        self.addCleanup(worker.close)
        config = self.folder / "conf/thalamus.yaml"
        # By name: the static binary must resolve names without the system's libraries.
        config.write_text("listeners: [{address: '127.0.0.1:0'}]\n"
                          "admin: {address: '127.0.0.1:0'}\n"
                          f"pools: {{main: {{workers: ['localhost:{worker.port}']}}}}\n")
        config.chmod(0o644)
        running = subprocess.Popen(self.command(*self.image["Entrypoint"], *self.image["Cmd"]),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(running.stderr.close)
        self.addCleanup(running.wait)
        self.addCleanup(running.terminate)
        front, admin = addresses(running.stderr)
        connection = http.client.HTTPConnection(front)
        self.addCleanup(connection.close)
        connection.request("GET", "/_matrix/client/versions")
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.read()), (200, b"served /_matrix/client/versions"))
        self.health(admin, 0)
        self.health("127.0.0.1:1", 1)

    def health(self, admin, expected):
        """Runs the image's own health check, against this admin address."""
        kind, *check = self.image["Healthcheck"]["Test"]
        self.assertEqual(kind, "CMD")
        check = ["http://" + admin if word.startswith("http://") else word for word in check]
        done = attempt(*self.command(*check))
        self.assertEqual(done.returncode, expected, done.stdout + done.stderr)


def addresses(log):
    """Where it serves, and its admin address, as its log says."""
    said, front = "", None
    for line in log:
        said += line
        if match := re.search(r"serving on (\S+)", line):
            front = match[1]
        if match := re.search(r"status page on http://(\S+)/", line):
            # Nothing may block it on a full pipe.
            threading.Thread(target=log.read, daemon=True).start()
            return front, match[1]
    raise AssertionError(f"it did not start:\n{said}")


class Worker:
    """Stands in for Synapse: answers with the path it was asked for."""

    def __init__(self):
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = f"served {self.path}".encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
