"""The clients and remote servers of a run: everything that talks to Thalamus."""
