# Copyright: the sales team
# expect-next: DBX104
# Databricks notebook source
print("one")

# COMMAND ----------

print("two")
