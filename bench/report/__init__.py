"""What is made of the results: the page, the plots, the targets' verdicts, comparisons."""
