"""What is done with one object of the grid: find, create, label, delete, repair; one small machine for each."""
