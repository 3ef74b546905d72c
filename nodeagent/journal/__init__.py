"""The record of who uses which address in this boot: rows in memory, and the file that survives every process."""
