# Databricks notebook source
dbutils.notebook.run("./called", 600, {"region": "south"})
dbutils.notebook.run("./called", 600, {"regoin": "south"})  # expect: DBX401

# COMMAND ----------

# expect-next: DBX401
# MAGIC %run ./called $regoin="south"
