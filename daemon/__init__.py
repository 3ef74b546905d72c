"""What both daemons are made of: settings, logs, the status port, descriptors, the inbox of a loop."""
