"""Who holds which address of the grid: the index of objects, what journals claim, and what is granted to whom."""
