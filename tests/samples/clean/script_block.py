# Databricks notebook source
# /// script
# [tool.databricks.environment]
# environment_version = "2"
# dependencies = [
#   "requests",
# ]
# ///
# MAGIC %md
# MAGIC # A notebook with its environment

# COMMAND ----------

import requests

print(requests.__version__)
