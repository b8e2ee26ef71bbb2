"""The retail lakehouse's rules that need no Spark."""
