"""The ends of a run and what stands between them: a client, proxies, a recording worker, a Synapse listener."""
