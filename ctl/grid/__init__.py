"""The subcommands that speak to the grid themselves: before there is a coordinator, or beside it."""
