# Databricks notebook source
# expect-file: DBX221
print("an empty cell follows")

# COMMAND ----------



# COMMAND ----------

print("and a full one")
