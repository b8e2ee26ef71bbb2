# Databricks notebook source
print("formatted")

# COMMAND ----------

# expect-cell: DBX150
prices = { 'coffee':12.5 }
print( prices )
