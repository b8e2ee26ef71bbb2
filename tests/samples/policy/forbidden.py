# Databricks notebook source
# MAGIC %md
# MAGIC # Forbidden things
# MAGIC
# MAGIC Owner: Samples

# COMMAND ----------

# expect-next: DBX232
# MAGIC %sh
# MAGIC ls

# COMMAND ----------

# expect-cell: DBX232, DBX233
# MAGIC %scala
# MAGIC val one = 1
