# Databricks notebook source
# MAGIC %run ./helpers

# COMMAND ----------

display(orders)  # expect: DBX321

# COMMAND ----------

orders = load("samples.tpch.orders")

# COMMAND ----------

display(order)  # expect: F821
