"""Kubernetes Events: who looks at a pod, a node or a network configuration there reads what went wrong with it."""
