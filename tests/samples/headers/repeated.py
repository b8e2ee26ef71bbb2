# Databricks notebook source
# expect-next: DBX106
# Databricks notebook source
print("one")

# COMMAND ----------

print("two")
