"""What is found in the database, and how it is shown."""
