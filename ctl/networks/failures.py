"""Why a network configuration file cannot be used."""

from __future__ import annotations


class BadConfiguration(Exception):
    """The file must be corrected; the text names the field with the remedy."""


class NotYet(Exception):
    """Something around the file is missing, and may come; the text names it with the remedy."""
