# Databricks notebook source
print("clean")

# COMMAND ----------

# expect-next: invalid-syntax
total = = 1

# COMMAND ----------

# MAGIC %python
# MAGIC # expect-next: invalid-syntax
# MAGIC if True print("no colon")

# COMMAND ----------

# DBTITLE 1,Python 2
print "hello"  # expect: invalid-syntax

# COMMAND ----------

rows = [1, 2, 3]
print(FILL_IN(rows))  # expect: F821

# COMMAND ----------

# expect-next: invalid-syntax
answer = <TODO>

# COMMAND ----------

value = 1
del = 400  # expect: invalid-syntax
