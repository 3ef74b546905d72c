"""What does the work that is measured: plugins in turn, nodes on the wire, the plain client."""
