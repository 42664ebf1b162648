"""A real Synapse with workers on loopback, and Thalamus in front of it."""
