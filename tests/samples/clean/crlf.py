# Databricks notebook source
# MAGIC %md
# MAGIC # Windows line ends

# COMMAND ----------

def double(number):
    """Twice the number."""
    return 2 * number


print(double(2))
