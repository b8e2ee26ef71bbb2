"""Python as notebooks hold it."""
