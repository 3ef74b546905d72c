"""The grid's database, with the words and values that everything above it uses."""
