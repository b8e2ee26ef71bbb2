# Databricks notebook source
# expect-cell: invalid-syntax
frame = spark.table(

# COMMAND ----------

# expect-cell: invalid-syntax
"samples.tpch.orders")
