"""An application service that Synapse passes paths on to (MSC4512). Both Synapse and Thalamus read its registration file."""
import json
import pathlib

REGISTRATION = {
    "id": "proxied", "url": None, "as_token": "a", "hs_token": "h", "sender_localpart": "proxied", "namespaces": {},
    # No other prefix is allowed (`ALLOWED_PROXY_PREFIXES`, `synapse/appservice/__init__.py`).
    "io.element.msc4512.proxy_prefix": "rtc/livekit", "io.element.msc4512.proxy_url": "http://localhost:1"}


def registration(folder):
    """Writes the file; JSON is YAML too."""
    file = pathlib.Path(folder, "appservice.yaml")
    file.write_text(json.dumps(REGISTRATION))
    return str(file)
