"""Metrics for Prometheus, each with its meaning and with what a person does about it."""
