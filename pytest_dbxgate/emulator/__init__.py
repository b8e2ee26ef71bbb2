"""A Databricks workspace on this machine: its REST API, its objects on disk, its faults."""
