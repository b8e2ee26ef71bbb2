# Databricks notebook source
orders = spark.table("samples.tpch.orders")

# COMMAND ----------

display(order)  # expect: F821

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT 1 AS one

# COMMAND ----------

# MAGIC %python
# MAGIC print(_sqldf)
# MAGIC print(_sql_frame)  # expect: F821
