"""Escapement: a trading bot that decides one tick at a time and records why."""

__version__ = "0.1.0"
