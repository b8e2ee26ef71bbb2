# Databricks notebook source
# expect-cell: DBX166
orders <- data.frame(order_id = c(1, 2)

# COMMAND ----------

print("clean")
