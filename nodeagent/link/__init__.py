"""The agent's side of a session with a coordinator: who it is, what it claims, what must still be confirmed."""
