"""Collects what somebody needs to understand a fault elsewhere, and leaves out what must stay secret."""
