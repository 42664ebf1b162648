"""What the programs of this folder share: stand-in workers, proxies in front of them, clients."""
import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[3] / "tests"
sys.path += [str(TESTS / "synapse"), str(TESTS / "framing")]
