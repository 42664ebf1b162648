"""The chart synapse: what one short list becomes, and what is refused in words."""
import json
import pathlib
import unittest

import helm
import yaml
from helm import one, refusal, template
from machine import run

VALUES = pathlib.Path(__file__).parent / "values"
LARGE = ["-f", VALUES / "workers.yaml"]
# Nothing that Synapse needs is missing in it but workers.
NONE = ["-f", VALUES / "no-workers.yaml"]
REFUSED = {
    "sink: {}": "workers.sink: there is no kind of worker called sink; there are account_data,",
    "typing: {replicas: 2}": "workers.typing: replicas is 2, but Synapse takes exactly one writer of the stream typing; set it to 1",
    "w: {kind: stream_writer, streams: [receipts, presence], replicas: 2}": "exactly one writer of the stream presence",
    "background: {replicas: 3}": "Synapse runs its background tasks in one process",
    "sso: {replicas: 2}": "keeps the sessions of single sign-on in its memory",
    "{typing: {}, w: {kind: stream_writer, streams: [typing]}}": "writes the stream typing already",
    "{pusher: {}, pusher_b: {kind: pusher}}": "Synapse's pusher_instances comes from one entry",
    "w: {kind: stream_writer}": "needs streams",
    "w: {kind: stream_writer, streams: [typing, nonsense]}": "no stream called nonsense",
    "w: {kind: stream_writer, streams: [quarantined_media_changes]}": "is written where the media is",
    "sync: {streams: [typing]}": "only a worker of the kind stream_writer takes streams",
    "receipts: {replicas: 0}": "a process that never comes",
    "receipts: {autoscaling: {minReplicas: 1, maxReplicas: 3}}": "set replicas in place of autoscaling",
    "sync: {autoscaling: {minReplicas: 5, maxReplicas: 3}}": "maxReplicas (3) is below minReplicas (5)",
    "media: {replicas: 2}": "all of them need the same files",
    "{a_b: {kind: sync}, a-b: {kind: sync}}": "rename one",
    "sync: {replica: 2}": "replica",
    "sync: {replicas: -1}": "replicas",
    "sync: {cap: 1000001}": "cap",
    "Sync: {kind: sync}": "Sync",
}


def with_workers(text):
    """Options that set the list of workers, a YAML text."""
    workers = yaml.safe_load(text if text.startswith("{") else "{" + text + "}")
    return [*NONE, "--set-json", f"workers={json.dumps(workers)}"]


class Workers(unittest.TestCase):
    def test_helm_finds_no_fault_in_it(self):
        for options in (LARGE, NONE):
            run(helm.HELM, "lint", "--strict", "--quiet", helm.CHARTS / "synapse", *options)

    def test_what_synapse_would_refuse_is_refused_in_words(self):
        for workers, words in REFUSED.items():
            with self.subTest(workers):
                self.assertIn(words, refusal("synapse", *with_workers(workers)))

    def test_what_is_needed_is_asked_for(self):
        for key in ("serverName", "database.host", "redis.host", "database.existingSecret.name"):
            with self.subTest(key):
                self.assertIn(key.split(".")[-1], refusal("synapse", *NONE, "--set", f"{key}="))

    def test_keys_of_the_chart_cannot_be_set_twice(self):
        said = refusal("synapse", *NONE, "--set-json", 'config={"instance_map":{}}')
        self.assertIn("config.instance_map: the chart writes this key", said)

    def test_what_nobody_knows_by_name_is_a_deployment_and_the_rest_are_stateful(self):
        objects = template("synapse", *LARGE)
        names = {kind: {o["metadata"]["labels"]["app.kubernetes.io/component"] for o in objects if o["kind"] == kind}
                 for kind in ("Deployment", "StatefulSet")}
        self.assertEqual(names, {
            "Deployment": {"sync", "initial_sync", "event_creator", "client_reader", "login", "federation_inbound",
                           "federation_reader"},
            "StatefulSet": {"main", "media", "typing", "receipts", "writers", "event_persister", "federation_sender",
                            "pusher", "background", "user_directory"}})

    def test_the_number_of_stateless_workers_restarts_nothing(self):
        """The whole point: an autoscaler may do it at any moment."""
        before, after = (template("synapse", *LARGE, "--set", f"workers.sync.replicas={n}",
                                  "--set", "secrets.existingSecret=s") for n in (3, 7))
        changed = [(o["kind"], o["metadata"]["name"]) for o, p in zip(before, after, strict=True) if o != p]
        self.assertEqual(changed, [("Deployment", "t-synapse-sync")])
        self.assertEqual(one(before, "Deployment", "t-synapse-sync")["spec"]["template"],
                         one(after, "Deployment", "t-synapse-sync")["spec"]["template"])

    def test_another_writer_restarts_every_process(self):
        before, after = (template("synapse", *LARGE, "--set", f"workers.event_persister.replicas={n}") for n in (2, 3))
        for name, pods in (("before", before), ("after", after)):
            sums = {o["spec"]["template"]["metadata"]["annotations"]["checksum/shared"] for o in pods
                    if o["kind"] in ("Deployment", "StatefulSet")}
            self.assertEqual(len(sums), 1, name)
        self.assertNotEqual(one(before, "StatefulSet", "t-synapse-main")["spec"]["template"],
                            one(after, "StatefulSet", "t-synapse-main")["spec"]["template"])

    def test_services_say_what_they_serve(self):
        labelled = {o["metadata"]["labels"]["thalamus/pool"]: o["metadata"]["annotations"]
                    for o in template("synapse", *LARGE) if "thalamus/pool" in o["metadata"].get("labels", {})}
        self.assertEqual(labelled["sync"], {"thalamus/serves": "sync,sliding_sync", "thalamus/port": "http"})
        self.assertEqual(labelled["writers"]["thalamus/serves"],
                         "to_device,account_data,presence,push_rules,device_lists,thread_subscriptions")
        self.assertEqual(labelled["main"], {"thalamus/port": "http"})
        self.assertTrue({"event_persister", "federation_sender", "pusher", "background"}.isdisjoint(labelled),
                        "nobody outside asks these")

    def test_services_say_their_weight_and_cap(self):
        service = one(template("synapse", *with_workers("sync: {weight: 2.5, cap: 1000000}")), "Service", "t-synapse-sync")
        said = service["metadata"]["annotations"]
        self.assertEqual((said["thalamus/weight"], said["thalamus/cap"]), ("2.5", "1000000"))

    def test_an_autoscaler_owns_the_number(self):
        objects = template("synapse", *with_workers("sync: {autoscaling: {minReplicas: 2, maxReplicas: 9}}"))
        self.assertNotIn("replicas", one(objects, "Deployment")["spec"])
        scaler = one(objects, "HorizontalPodAutoscaler")["spec"]
        self.assertEqual((scaler["minReplicas"], scaler["maxReplicas"]), (2, 9))
        self.assertEqual(scaler["scaleTargetRef"]["name"], "t-synapse-sync")

    def test_paused_is_everything_down(self):
        for o in template("synapse", *LARGE, "--set", "paused=true"):
            self.assertNotEqual(o["kind"], "HorizontalPodAutoscaler")
            if o["kind"] in ("Deployment", "StatefulSet"):
                self.assertEqual(o["spec"]["replicas"], 0)

    def test_without_workers_the_main_process_does_all(self):
        objects = template("synapse", *NONE)
        shared = yaml.safe_load(one(objects, "ConfigMap")["data"]["shared.yaml"])
        self.assertEqual(list(shared["instance_map"]), ["main"])
        self.assertNotIn("stream_writers", shared)
        volumes = one(objects, "StatefulSet")["spec"]["template"]["spec"]["volumes"]
        self.assertIn("media", [volume["name"] for volume in volumes])
