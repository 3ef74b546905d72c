"""The safety argument as Promela models, and the program that lets spin check them."""
