# Databricks notebook source
for number in range(3):
    print(number)

# COMMAND ----------

    number = 1
    print(number)
