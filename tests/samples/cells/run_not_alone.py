# Databricks notebook source
# MAGIC %run ./helpers

# COMMAND ----------

# expect-cell: DBX301
# MAGIC %run ./helpers
# MAGIC print("with code below it")
