# Databricks notebook source
dbutils.widgets.text("region", "north")
dbutils.widgets.text("full", "false")  # expect: DBX404
dbutils.widgets.dropdown("mode", "day", ["week", "month"])  # expect: DBX405
dbutils.widgets.text("days", 7)  # expect: DBX406

# COMMAND ----------

region = dbutils.widgets.get("regoin")  # expect: DBX402
region = dbutils.widgets.get("region")
mode = dbutils.widgets.get("mode")
days = dbutils.widgets.get("days")

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT :region AS region, :regoin AS other -- expect: DBX403
