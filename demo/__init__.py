"""A whole cluster on one machine: simulated grid, coordinator, nodes in namespaces, real CNI plugins."""
