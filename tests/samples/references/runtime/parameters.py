# Databricks notebook source
dbutils.widgets.text("region", "north")

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT :region AS region -- expect: DBX407
