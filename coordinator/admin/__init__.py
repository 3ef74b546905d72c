"""People's commands: list, explain, verify, adopt, and the replacement of a node."""
