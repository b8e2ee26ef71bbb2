# Databricks notebook source
# expect-file: DBX220
print("an empty cell follows")

# COMMAND ----------

