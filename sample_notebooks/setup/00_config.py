# Databricks notebook source
# MAGIC %md
# MAGIC # Configuration
# MAGIC
# MAGIC The parameters and the names that every other notebook uses.
# MAGIC
# MAGIC Owner: Retail Data Platform

# COMMAND ----------

# DBTITLE 1,Parameters
dbutils.widgets.text("run_date", "2024-06-30", "Run date")
dbutils.widgets.dropdown("load_mode", "incremental", ["incremental", "full"], "Load")

# COMMAND ----------

# DBTITLE 1,Names
catalog = "main"
layers = ("bronze", "silver", "gold")

run_date = dbutils.widgets.get("run_date")
full_load = dbutils.widgets.get("load_mode") == "full"
