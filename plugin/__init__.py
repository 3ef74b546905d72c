"""The CNI executable, as installed on every node."""
