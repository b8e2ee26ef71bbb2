# Databricks notebook source
print("one")

# expect-next: DBX132
# COMMAND ---------- 

print("two")

# expect-next: DBX130
# COMMAND  ----------

print("three")

# expect-next: DBX130
# COMMAND ---------

print("four")
