"""What became of every address: written down as it happens, told to people who ask. Nothing depends on it."""
