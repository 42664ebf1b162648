"""What the program under test decides, by its own `explain`."""
import json
import os
import pathlib
import subprocess
import tempfile

from registrar.appservice import registration

# One worker for each group, each in a pool of that name: who gets a request is then its group's process. The QR
# sessions' half that clients see exists on the main process alone, so that group has no pool.
OWN_POOLS = ("sync", "initial_sync", "sliding_sync", "initial_sliding_sync", "client_reader", "messages", "device_keys",
             "device_lists", "login", "event_creator", "profile", "delayed_events", "typing", "to_device",
             "account_data", "receipts", "presence", "push_rules", "thread_subscriptions",
             "quarantined_media_changes", "user_directory", "federation_inbound", "federation_reader",
             "federation_keys", "media", "media_admin", "sso", "mas_api", "well_known",
             "admin")
DEPLOYMENTS = {
    "a pool for each group": {group: [group] for group in OWN_POOLS},
    "generic workers": {"generic": ["generic"], "federation": ["federation_inbound", "federation_reader",
                                                               "federation_keys"]},
    "media on main": {"generic": ["generic"]},
}


def decisions(binary, pools, version, asked):
    """{(method, path): [pool, fallback ...]}; none when refused."""
    with tempfile.TemporaryDirectory(prefix="registrar-") as folder:
        config = pathlib.Path(folder, "thalamus.yaml")
        # JSON is YAML too.
        config.write_text(json.dumps(configuration(pools, version, registration(folder))))
        said = subprocess.run([binary, "explain", "--config", config, "--stdin", "--json"], check=True, text=True,
                              env={k: v for k, v in os.environ.items() if not k.startswith("THALAMUS_")},
                              input="".join(f"{method} {path}\n" for method, path in asked), capture_output=True)
    found = {}
    for one, line in zip(asked, said.stdout.splitlines(), strict=True):
        answer = json.loads(line)
        if "error" in answer:
            raise SystemExit(f"explain {' '.join(one)}: {answer['error']}")
        found[one] = [answer["pool"], *answer["fallback"]] if answer["pool"] else []
    return found


def configuration(pools, version, appservice):
    ports = iter(range(8001, 9000))
    worker = lambda: {"workers": [f"127.0.0.1:{next(ports)}"]}
    return {"listeners": [{"address": "127.0.0.1:0", "admin_api": True}],
            "synapse_version": version,
            "appservices": [appservice],
            "pools": {"main": worker(), **{name: {"serves": serves, **worker()} for name, serves in pools.items()}}}
