"""The chart thalamus: rendered from several sets of values, and values that make no sense refused."""
import pathlib
import tempfile
import unittest

import helm
import yaml
from helm import one, refusal, template
from machine import check, debian, run

VALUES = pathlib.Path(__file__).parent / "values"
SETS = {"default": [], "full": ["-f", VALUES / "full.yaml"], "bare": ["-f", VALUES / "bare.yaml"]}
LEAST = [
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]},
]
NONSENSE = {
    "replicaCount=-1": "replicaCount",
    "replicas=3": "replicas",
    "image.tagg=1": "tagg",
    "image.digest=sha256:12": "digest",
    "service.type=Loadbalancer": "service/type",
    "service.port=0": "service/port",
    "ports.http=80": "ports/http",
    "trustedProxies={10.0.0.1}": "trustedProxies",
    "config.pools=5": "config/pools",
    "config.pools.sync=5": "config/pools/sync",
    "autoscaling.minReplicas=0": "autoscaling/minReplicas",
    "metrics.podMonitor.interval=soon": "interval",
    "podDisruptionBudget.maxUnavailable=half": "podDisruptionBudget",
    "podDisruptionBudget.minAvailable=1": "minAvailable or maxUnavailable, not both",
    "service.externalTrafficPolicy=Local": "a ClusterIP has no external traffic",
    "autoscaling.enabled=true,autoscaling.minReplicas=9": "maxReplicas (6) is below minReplicas (9)",
    "tls.enabled=true": "needs tls.existingSecret",
    "tls.enabled=true,tls.existingSecret=a,config.listeners[0].address=0.0.0.0:8080": "adds a listener",
    "httpRoute.enabled=true": "needs httpRoute.parentRefs",
    "ingress.enabled=true": "needs ingress.hosts",
    "terminationGracePeriodSeconds=65": "must be longer than shutdown.delay and shutdown.grace together (65 s)",
    "config.shutdown.grace=2m": "together (125 s)",
}


class Chart(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        debian("openssl", "openssl")

    def test_helm_finds_no_fault_in_it(self):
        for name, options in SETS.items():
            with self.subTest(name):
                run(helm.HELM, "lint", "--strict", "--quiet", helm.CHARTS / "thalamus", *options)

    def test_values_that_make_no_sense_are_refused_in_words(self):
        for values, word in NONSENSE.items():
            with self.subTest(values):
                self.assertIn(word, refusal("thalamus", "--set", values))

    def test_thalamus_takes_the_configuration(self):
        with tempfile.TemporaryDirectory() as secret:
            run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=matrix.example.org",
                "-addext", "subjectAltName=DNS:matrix.example.org", "-keyout", f"{secret}/tls.key", "-out", f"{secret}/tls.crt")
            for name, options in SETS.items():
                with self.subTest(name):
                    objects = template("thalamus", *options)
                    mounts = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
                    text = one(objects, "ConfigMap")["data"]["thalamus.yaml"]
                    for mount in mounts:
                        if mount["name"] == "tls":
                            text = text.replace(mount["mountPath"], secret)
                    self.assertIn("sound", check(text))

    def test_the_pods_have_no_rights_on_their_node(self):
        for name, options in SETS.items():
            objects = template("thalamus", *options)
            for pod in [one(objects, "Deployment")["spec"]["template"]["spec"], one(objects, "Pod")["spec"]]:
                with self.subTest(name):
                    self.assertTrue(pod["securityContext"]["runAsNonRoot"])
                    self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                    container, = pod["containers"]
                    self.assertEqual(container["securityContext"], {
                        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]}})

    def test_the_role_is_the_least(self):
        for role in [o for o in template("thalamus", *SETS["full"]) if o["kind"] == "Role"]:
            self.assertEqual(role["rules"], LEAST)
        namespaces = [o["metadata"]["namespace"] for o in template("thalamus", *SETS["full"])
                      if o["kind"] == "RoleBinding"]
        self.assertEqual(namespaces, ["matrix", "synapse-a", "synapse-b"])
        kinds = {o["kind"] for o in template("thalamus", *SETS["bare"])}
        self.assertTrue(kinds.isdisjoint({"Role", "RoleBinding", "ServiceAccount", "ClusterRole"}), kinds)

    def test_pools_come_by_labels_where_the_pod_may_look(self):
        def kubernetes(*options):
            return yaml.safe_load(one(template("thalamus", *options), "ConfigMap")["data"]["thalamus.yaml"])["kubernetes"]
        self.assertEqual(kubernetes(), {"labels": True})
        self.assertEqual(kubernetes("--set", "rbac.namespaces={synapse-a}"),
                         {"labels": True, "namespaces": ["matrix", "synapse-a"]})
        self.assertEqual(kubernetes(*SETS["bare"]), {"labels": False})
        self.assertEqual(kubernetes("--set", "config.kubernetes.labels=false"), {"labels": False})

    def test_the_zone_comes_from_the_pods_own_label(self):
        objects = template("thalamus", "--set", "preferZone=true")
        self.assertIn("prefer_zone: true", one(objects, "ConfigMap")["data"]["thalamus.yaml"])
        zone, = [variable for variable in one(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["env"]
                 if variable["name"] == "THALAMUS_KUBERNETES__ZONE"]
        self.assertEqual(zone["valueFrom"]["fieldRef"]["fieldPath"], "metadata.labels['topology.kubernetes.io/zone']")

    def test_a_changed_configuration_restarts_no_pod(self):
        before, after = (one(template("thalamus", "--set", f"config.access_log={log}"), "Deployment")
                         for log in ("text", "none"))
        self.assertEqual(before, after)
        mounts = after["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
        self.assertFalse([mount for mount in mounts if "subPath" in mount], "a subPath never changes")

    def test_what_is_off_is_not_there(self):
        objects = template("thalamus")
        self.assertEqual(sorted({o["kind"] for o in objects}), [
            "ConfigMap", "Deployment", "NetworkPolicy", "Pod", "PodDisruptionBudget", "Role", "RoleBinding", "Service",
            "ServiceAccount"])
        self.assertEqual(one(objects, "Deployment")["spec"]["replicas"], 2)

    def test_what_is_on_is_there(self):
        objects = template("thalamus", *SETS["full"])
        deployment = one(objects, "Deployment")["spec"]
        self.assertNotIn("replicas", deployment, "the autoscaler's, or each upgrade would set it back")
        for constraint in deployment["template"]["spec"]["topologySpreadConstraints"]:
            self.assertEqual(constraint["labelSelector"], deployment["selector"])
        service = one(objects, "Service", "t-thalamus")["spec"]
        self.assertEqual([port["port"] for port in service["ports"]], [80, 443, 8448])
        self.assertEqual(service["externalTrafficPolicy"], "Local")
        self.assertEqual({service["type"], one(objects, "Service", "t-thalamus-admin")["spec"]["type"]},
                         {"LoadBalancer", "ClusterIP"}, "the admin address stays inside")
        for kind in ("HorizontalPodAutoscaler", "Ingress", "HTTPRoute", "PodMonitor", "ServiceMonitor"):
            one(objects, kind)
        config = one(objects, "ConfigMap")["data"]["thalamus.yaml"]
        for line in ("address: '[::]:8080'", "address: '[::]:8443'", "address: '[::]:9090'", "- fd00::/8", "grace: 30s"):
            self.assertIn(line, config)

    def test_the_notes_say_what_to_do_next(self):
        done = run(helm.HELM, "install", "t", helm.CHARTS / "thalamus", "--dry-run=client", "--namespace", "matrix")
        for words in ("rollout status deployment/t-thalamus", "port-forward", "helm --namespace matrix test t"):
            self.assertIn(words, done)
