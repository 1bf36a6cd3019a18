"""Clients of the channels the owner is reached by. A tick loads none but `metrics`, which is only text."""
