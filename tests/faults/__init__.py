"""Faults: what breaks outside the program must break nothing inside it."""
