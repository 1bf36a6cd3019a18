"""Benchmarks: ratios taken in one run, medians of interleaved runs. Never part of the tests."""
