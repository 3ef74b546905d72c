"""What agent and coordinator say to each other: protocol 2, as docs/protocol.md will specify it."""
