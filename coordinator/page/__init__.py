"""The status page: what a coordinator tells of itself, as HTML for a person's browser."""
