"""What people's commands and the coordinator say to each other on the coordinator's Unix socket."""
