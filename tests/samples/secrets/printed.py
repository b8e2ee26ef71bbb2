# Databricks notebook source
password = dbutils.secrets.get("retail", "sales-password")
url = f"jdbc:sqlserver://sales.database.windows.net;user=etl;password={password}"
print(len(password))

# COMMAND ----------

print(url)  # expect: DBX620

# COMMAND ----------

display(password)  # expect: DBX620

# COMMAND ----------

dbutils.notebook.exit(dbutils.secrets.get("retail", "sales-password"))  # expect: DBX620
