"""Scala and R cells: syntax."""
