"""Talking to a Databricks workspace. ``client`` alone knows the SDK."""
