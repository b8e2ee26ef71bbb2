# Databricks notebook source
first = 1
# COMMAND ----------
second = first + 1
# COMMAND ----------
# DBTITLE 1,Third
print(second)
