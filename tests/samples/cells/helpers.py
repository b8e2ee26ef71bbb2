# Databricks notebook source
dbutils.widgets.text("region", "north")
dbutils.widgets.text("full", "false")

# COMMAND ----------

region = dbutils.widgets.get("region")
full = dbutils.widgets.get("full")
