"""Other programs that a benchmark runs beside ours, each in an environment of its own; the product imports none."""
