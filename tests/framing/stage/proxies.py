"""The proxies under test, each one in front of one worker."""
import asyncio
import pathlib
import subprocess

from rig import environment
from rig.ports import HOST
from rig.process import Process

CONFIGS = pathlib.Path(__file__).parent / "configs"


class Proxy:
    """`name` in front of the worker at `worker`: listens on `port`, and in TLS on `tls_port`."""

    def __init__(self, name, argv, folder, ports, worker):
        self.name, self.port, self.tls_port = name, ports.free(), ports.free()
        folder.mkdir()
        config = folder / f"{name}.conf"
        text = (CONFIGS / f"{name}.in").read_text()
        values = {"dir": folder, "listen": f"{HOST}:{self.port}", "tls": f"{HOST}:{self.tls_port}",
                  "worker": f"{HOST}:{worker}"}
        for word, value in values.items():
            text = text.replace(f"@{word}@", str(value))
        config.write_text(text)
        self.process = Process(name, [word.replace("@config@", str(config)) for word in argv], folder / "log")

    async def start(self):
        self.process.start()
        await self.process.until(self.listens, limit=30)

    async def listens(self):
        # The TLS port is bound last.
        try:
            _, writer = await asyncio.open_connection(HOST, self.tls_port)
        except OSError:
            return False
        writer.close()
        return True


def thalamus(binary, folder, ports, worker):
    return Proxy("thalamus", [str(binary), "run", "--config", "@config@"], folder, ports, worker)


def nginx(program, folder, ports, worker):
    return Proxy("nginx", [program, "-c", "@config@", "-e", "stderr"], folder, ports, worker)


def haproxy(program, folder, ports, worker):
    return Proxy("haproxy", [program, "-db", "-f", "@config@"], folder, ports, worker)


def versions():
    """What each peer calls itself, such as `nginx 1.22.1`."""
    return {"nginx": said_by(program("nginx"), "-v").split("/")[-1].strip(),
            "HAProxy": said_by(program("haproxy"), "-v").split()[2]}


def program(name):
    return environment.program(name)


def said_by(program, flag):
    done = subprocess.run([str(program), flag], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.splitlines()[0]


def certificate(folder):
    """A key and a certificate for hs.test, made for this run."""
    names = folder / "tls.crt", folder / "tls.key"
    # HAProxy wants both in one file.
    both = folder / "tls.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=hs.test", "-addext", "subjectAltName=DNS:hs.test",
                    "-out", str(names[0]), "-keyout", str(names[1])], check=True, stderr=subprocess.DEVNULL)
    both.write_bytes(b"".join(name.read_bytes() for name in names))
    return names
