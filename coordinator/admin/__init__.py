"""People's commands: verify, explain, adopt, and the replacement of a node."""
