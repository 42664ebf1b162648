"""A cluster without machines: etcd, the API server, and what kube-controller-manager would write."""
import asyncio
import json
import pathlib
import ssl
import subprocess
import urllib.error
import urllib.request

import yaml

import needs
from rig.process import Process

ETCD, ETCD_PEER, API = 2379, 2380, 6443
NAMESPACE = "matrix"
ACCOUNT = "thalamus"
ROLE = pathlib.Path(__file__).resolve().parents[2] / "deploy/helm/thalamus/templates/role.yaml"


class Cluster:
    def __init__(self, home):
        self.home = home
        self.kubeconfig, self.token = home / "kubeconfig", home / "token"
        certificates = home / "certificates"
        self.certificate = certificates / "apiserver.crt"
        key, admins = home / "account.key", home / "admins.csv"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        admins.write_text('admin,admin,1,"system:masters"\n')
        url = f"http://127.0.0.1:{ETCD}"
        self.etcd = Process("etcd", [
            "etcd", "--data-dir", home / "etcd", "--listen-client-urls", url, "--advertise-client-urls", url,
            "--listen-peer-urls", f"http://127.0.0.1:{ETCD_PEER}",
            "--initial-advertise-peer-urls", f"http://127.0.0.1:{ETCD_PEER}",
            "--initial-cluster", f"default=http://127.0.0.1:{ETCD_PEER}"], home / "etcd.log")
        self.server = Process("kube-apiserver", [
            needs.api_server(), f"--etcd-servers={url}", f"--secure-port={API}", "--bind-address=127.0.0.1",
            f"--cert-dir={certificates}", f"--token-auth-file={admins}", "--authorization-mode=RBAC",
            f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://cluster.test", "--service-cluster-ip-range=10.77.0.0/24",
            "--advertise-address=10.66.255.1", "--endpoint-reconciler-type=none"], home / "kube-apiserver.log")

    async def start(self):
        self.etcd.start()
        await self.start_server()
        self.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        self.create(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": {"name": ACCOUNT}})
        roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"
        self.create(f"{roles}/roles", {"metadata": {"name": ACCOUNT}, "rules": chart_rules()})
        self.give_rights()
        self.write_kubeconfig()

    async def start_server(self):
        self.server.start()

        async def ready():
            return await asyncio.to_thread(self.is_ready)
        return await self.server.until(ready)

    def is_ready(self):
        try:
            return self.ask("GET", "/readyz") == b"ok"
        except OSError:
            return False

    async def stop(self):
        await self.server.stop()
        await self.etcd.stop()

    def give_rights(self):
        self.create(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/rolebindings", {
            "metadata": {"name": ACCOUNT},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}]})

    def take_rights(self):
        self.ask("DELETE", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}/rolebindings/{ACCOUNT}")

    def write_kubeconfig(self):
        """Thalamus comes with a token of its account, as a pod would, and with no other right."""
        made = self.create(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{ACCOUNT}/token",
                           {"spec": {"expirationSeconds": 3600}})
        self.token.write_text(made["status"]["token"])
        server = {"server": f"https://127.0.0.1:{API}", "certificate-authority": str(self.certificate)}
        self.kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": server}],
            "users": [{"name": "test", "user": {"tokenFile": str(self.token)}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": NAMESPACE}}]}))

    def create_service(self, name, labels=None, annotations=None):
        ports = [{"name": "http", "port": 80, "targetPort": 8083}]
        metadata = {"name": name, "labels": labels or {}, "annotations": annotations or {}}
        self.create(f"/api/v1/namespaces/{NAMESPACE}/services",
                    {"metadata": metadata, "spec": {"selector": {"app": name}, "ports": ports}})

    def label_service(self, name, labels=None, annotations=None):
        """Writes these over what is there; None takes one away."""
        metadata = {"labels": labels or {}, "annotations": annotations or {}}
        self.ask("PATCH", f"/api/v1/namespaces/{NAMESPACE}/services/{name}", {"metadata": metadata})

    def events(self):
        """Service and text of each Event."""
        listed = json.loads(self.ask("GET", f"/apis/events.k8s.io/v1/namespaces/{NAMESPACE}/events"))["items"]
        return [(event["regarding"]["name"], event["note"]) for event in listed]

    def put_slice(self, service, number, endpoints):
        """Writes one slice of a Service whole, as the controller does at each change."""
        name = f"{service}-{number}"
        path = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
        slice = {
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": service}}, "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8083, "protocol": "TCP"}], "endpoints": endpoints}
        try:
            before = json.loads(self.ask("GET", f"{path}/{name}"))
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return self.create(path, slice)
        slice["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
        return json.loads(self.ask("PUT", f"{path}/{name}", slice))

    def create(self, path, what):
        return json.loads(self.ask("POST", path, what))

    def ask(self, method, path, body=None):
        request = urllib.request.Request(f"https://127.0.0.1:{API}{path}", method=method,
                                         data=json.dumps(body).encode() if body is not None else None)
        request.add_header("Authorization", "Bearer admin")
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        request.add_header("Content-Type", kind)
        # The certificate is made at the first start.
        context = ssl.create_default_context(cafile=self.certificate)
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            return answer.read()


def endpoint(name, address, ready=True, terminating=False):
    """A pod as a slice names it."""
    return {"addresses": [address], "targetRef": {"kind": "Pod", "name": name, "namespace": NAMESPACE},
            "conditions": {"ready": ready and not terminating, "serving": ready, "terminating": terminating}}


def chart_rules():
    """The rules of the chart's Role: nothing else makes this suite pass."""
    rules = ROLE.read_text().split("\nrules:\n", 1)[1].split("\n---\n", 1)[0]
    return yaml.safe_load(rules)
