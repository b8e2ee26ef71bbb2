# Databricks notebook source
print(first)  # noqa: F821

# COMMAND ----------

print(second)  # dbx: ignore[F821]

# COMMAND ----------

# dbx: ignore[F821]
print(third)
print(fourth)

# COMMAND ----------

# MAGIC %sql
# MAGIC -- dbx: ignore[DBX501]
# MAGIC SELECT order_id FROM sales.orders GROUP order_id

# COMMAND ----------

# expect-next: DBX180
one = 1  # dbx: ignore[F632]
