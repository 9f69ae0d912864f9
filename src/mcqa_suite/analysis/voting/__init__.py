"""Several samples of one question: majority, best of n, pass@n, and the right samples that each strategy missed."""
