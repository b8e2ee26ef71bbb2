"""Secrets that stand in notebooks and job files, and code that prints them."""
