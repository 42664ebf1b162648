"""What a Synapse release really serves, told by its own registrar, compared with what Thalamus decides."""
