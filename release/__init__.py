"""What a release consists of: made from images that were built, beside them."""
