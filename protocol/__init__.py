"""What agent and coordinator say to each other, and to the people who run them."""
