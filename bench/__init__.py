"""Measures the running system, in figures that a command prints."""
