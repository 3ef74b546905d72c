"""What may be written of each object type."""
