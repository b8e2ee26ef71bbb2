"""Secrets in plain text: found by pure functions, and kept out of everything that is shown."""
