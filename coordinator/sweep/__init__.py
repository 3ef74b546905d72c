"""Compares the grid with the journals, asks the owners, deletes what is disowned or of a boot that is over."""
