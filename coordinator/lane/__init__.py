"""The one call to the grid under way: what goes into it, what became of it, when the next may be made."""
