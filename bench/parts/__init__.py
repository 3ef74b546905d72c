"""What is measured: each module is one part of the bench, from its set-up to its table."""
