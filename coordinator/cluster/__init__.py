"""What lives in the cluster, as Kubernetes or a file tells it; whose a ServiceAccount token is."""
