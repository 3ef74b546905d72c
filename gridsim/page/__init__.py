"""The page that shows a person what the grid holds."""
