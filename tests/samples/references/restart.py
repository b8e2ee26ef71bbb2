# Databricks notebook source
orders = spark.table("samples.tpch.orders")

# COMMAND ----------

# MAGIC %restart_python

# COMMAND ----------

display(orders)  # expect: DBX322
