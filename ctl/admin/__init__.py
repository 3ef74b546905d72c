"""The subcommands that ask a daemon through its Unix socket: the coordinator, or this node's agent."""
