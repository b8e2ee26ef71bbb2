"""SQL as notebooks hold it."""
