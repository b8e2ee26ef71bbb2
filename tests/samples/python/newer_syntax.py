# Databricks notebook source
# DBTITLE 1,3.12
type Amount = float  # expect: DBX161

# COMMAND ----------

# DBTITLE 1,3.11
try:
    print("one")
except* ValueError:  # expect: DBX161
    print("two")
