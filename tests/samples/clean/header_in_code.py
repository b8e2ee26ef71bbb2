"""A plain module that speaks of notebooks. It is none, and nothing may collect or import it."""

HEADER = "# Databricks notebook source"
EXAMPLE = """
# Databricks notebook source
print(undefined)

# COMMAND ----------

print(
"""

raise SystemExit("this module must never be imported")
