# Databricks notebook source
break  # expect: F701

# COMMAND ----------

continue  # expect: F702

# COMMAND ----------

yield 1  # expect: F704

# COMMAND ----------

return 1  # expect: F706

# COMMAND ----------

def load():
    from math import *  # expect: F406

# COMMAND ----------

def wait(task):
    await task  # expect: PLE1142
