"""Looks into network namespaces, and at where they lie."""
