"""Network configuration files: what a container runtime reads, checked before it does."""
