"""Which coordinator leads: a Lease of Kubernetes says it."""
