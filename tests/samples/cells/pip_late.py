# Databricks notebook source
orders = [1, 2, 3]
print(orders)

# COMMAND ----------

# expect-next: DBX224
# MAGIC %pip install retail-helpers
