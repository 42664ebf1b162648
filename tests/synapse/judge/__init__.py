"""Joins what the clients sent with what the workers' logs say they served, and judges it."""
