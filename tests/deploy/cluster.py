"""A real Kubernetes API server on loopback: etcd and kube-apiserver, no nodes and no controllers."""
import contextlib
import os
import ssl
import urllib.request

import yaml
from goprogram import kubernetes_program
from machine import debian, run
from rig.ports import HOST
from rig.process import Process

ADMIN = "admin-of-the-test"


class Cluster:
    """`async with Cluster(folder, ports)`; `environment` is for helm and kubectl."""

    def __init__(self, folder, ports):
        debian("etcd", "etcd-server")
        debian("openssl", "openssl")
        self.folder, self.port = folder, ports.free()
        peer, client = (f"http://{HOST}:{ports.free()}" for _ in range(2))
        key = folder / "service-accounts.key"
        run("openssl", "genrsa", "-out", key, "2048")
        (folder / "tokens.csv").write_text(f'{ADMIN},admin,1,"system:masters"\n')
        self.etcd = Process("etcd", [
            "etcd", "--data-dir", folder / "etcd", "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
            "--unsafe-no-fsync"], folder / "etcd.log")
        self.server = Process("kube-apiserver", [
            kubernetes_program("kube-apiserver"), f"--etcd-servers={client}", f"--secure-port={self.port}", f"--bind-address={HOST}",
            f"--cert-dir={folder}", f"--token-auth-file={folder}/tokens.csv", f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}", "--service-account-issuer=https://kubernetes.test",
            "--service-cluster-ip-range=10.0.0.0/24", "--authorization-mode=RBAC",
            # No controller makes the service account that a pod would have.
            "--disable-admission-plugins=ServiceAccount"], folder / "kube-apiserver.log")
        self.url = f"https://{HOST}:{self.port}"

    async def __aenter__(self):
        try:
            self.etcd.start()
            self.server.start()
            await self.server.until(self.ready)
            self.environment = dict(os.environ, KUBECONFIG=str(self.kubeconfig("admin", ADMIN)))
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_):
        await self.stop()

    async def stop(self):
        await self.server.stop()
        await self.etcd.stop()

    def kubeconfig(self, user, token):
        """A file for who has this token."""
        file = self.folder / f"{user}.kubeconfig"
        cluster = {"server": self.url, "insecure-skip-tls-verify": True}     # its certificate is made at each start
        file.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}]}))
        return file

    async def ready(self):
        request = urllib.request.Request(f"{self.url}/readyz", headers={"Authorization": f"Bearer {ADMIN}"})
        trust = ssl._create_unverified_context()
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(request, timeout=10, context=trust).status == 200
