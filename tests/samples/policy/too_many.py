# Databricks notebook source
# MAGIC %md
# MAGIC # Five cells, four are allowed
# MAGIC
# MAGIC Owner: Samples
# MAGIC
# MAGIC <!-- expect-file: DBX234 -->

# COMMAND ----------

print(2)

# COMMAND ----------

print(3)

# COMMAND ----------

print(4)

# COMMAND ----------

print(5)
