"""The subcommands that ask the coordinator through its Unix socket."""
