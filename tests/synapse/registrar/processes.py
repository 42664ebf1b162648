"""Fake Synapse processes: each one's resource tree, as its own listener would serve it, without a socket.

Runs in the environment of one release. Every process is built in a process of its own, because
Synapse keeps its servlet groups in module globals.
"""
import copy
import dataclasses
from unittest.mock import Mock, patch

from signedjson.key import encode_signing_key_base64, generate_signing_key
from synapse.app import generic_worker, homeserver
from synapse.config.homeserver import HomeServerConfig
from synapse.config.server import parse_listener_def
from twisted.web.resource import Resource

from registrar.appservice import registration

SERVER = "hs.test"


@dataclasses.dataclass(frozen=True)
class Kind:
    """A way to run a Synapse process; a worker when `worker`."""
    name: str
    resources: tuple
    worker: bool = True
    media: bool = False


KINDS = [
    Kind("main", ("client", "federation", "keys"), worker=False),
    Kind("main_with_media", ("client", "federation", "keys", "media"), worker=False, media=True),
    Kind("client", ("client",)),
    Kind("federation", ("federation",)),
    Kind("media", ("media",), media=True),
]

# Everything that is off by default and adds endpoints; unknown ones are ignored by a release without them.
EXPERIMENTS = {name: True for name in (
    "msc1763_enabled", "msc2654_enabled", "msc3391_enabled", "msc3575_enabled", "msc3720_enabled", "msc3814_enabled",
    "msc3983_appservice_otk_claims", "msc4133_enabled", "msc4143_enabled", "msc4306_enabled", "msc4370_enabled",
    "msc4502_enabled", "msc4512_enabled")}
MAS = {"matrix_authentication_service": {"enabled": True, "endpoint": "http://localhost:1/", "secret": "s"},
       "password_config": {"enabled": False}}
OIDC = {"idp_id": "idp", "idp_name": "idp", "issuer": "https://idp", "client_id": "c", "client_secret": "s",
        "discover": False, "authorization_endpoint": "https://idp/a", "token_endpoint": "https://idp/t",
        "userinfo_endpoint": "https://idp/u", "jwks_uri": "https://idp/j", "scopes": ["openid"]}

# Ways to configure a homeserver that exclude each other.
SETTINGS = {
    "own logins": {"enable_registration": True, "enable_registration_without_verification": True,
                   "oidc_providers": [OIDC], "cas_config": {"enabled": True, "server_url": "https://cas"},
                   "experimental_features": EXPERIMENTS},
    "mas, msc4108": {**MAS, "experimental_features": {**EXPERIMENTS, "msc4108_enabled": True}},
    "mas, msc4388": {**MAS, "experimental_features": {**EXPERIMENTS, "msc4388_mode": "open"}},
}


def configuration(kind, more, folder):
    config = {
        "server_name": SERVER, "public_baseurl": f"https://{SERVER}/", "report_stats": False,
        "database": {"name": "sqlite3", "args": {"database": str(folder / "hs.db")}},
        "signing_key": f"ed25519 a {encode_signing_key_base64(generate_signing_key('a'))}",
        "macaroon_secret_key": "m", "form_secret": "f", "registration_shared_secret": "r",
        "media_store_path": str(folder), "url_preview_enabled": False, "enable_media_repo": kind.media,
        "trusted_key_servers": [], "email": {"smtp_host": "localhost", "notif_from": "hs@hs.test"},
        "instance_map": {"main": {"host": "localhost", "port": 1}},
        "serve_server_wellknown": True, "federation_whitelist_endpoint_enabled": True, "listeners": [],
        "app_service_config_files": [registration(folder)],
        **copy.deepcopy(more),
    }
    if kind.worker:
        config |= {"worker_app": "synapse.app.generic_worker", "worker_name": kind.name}
    return config


def tree(kind, more, folder):
    """The root of the resources that a process of this kind mounts.

    The database in `folder` is made by the main process, so that comes first: a worker refuses an empty one.
    """
    config = HomeServerConfig()
    config.parse_config_dict(configuration(kind, more, folder), "", "")
    # Only its library reads SAML's own settings, and it wants a program that few machines have.
    config.saml2.saml2_enabled, config.saml2.saml2_sp_config = True, Mock()
    app = generic_worker.GenericWorkerServer if kind.worker else homeserver.SynapseHomeServer
    hs = app(SERVER, config=config)
    hs.get_saml_handler = Mock()
    hs.setup()
    listener = parse_listener_def(0, {"port": 1, "type": "http", "resources": [{"names": list(kind.resources)}]})
    with patch.object(generic_worker._base if kind.worker else homeserver, "listen_http") as listen:
        hs._listen_http(listener) if kind.worker else hs._listener_http(config, listener)
    # (hs, listener config, root, ...) since 1.140 at least; found by type, so that an order is no matter.
    return next(value for value in listen.call_args.args if isinstance(value, Resource))
