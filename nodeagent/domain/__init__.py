"""The agent's values: attachments, allocations, what happens to them, what is to be done about it."""
