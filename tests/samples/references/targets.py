# Databricks notebook source
# expect-next: DBX302
# MAGIC %run ./helper

# COMMAND ----------

# expect-next: DBX303
# MAGIC %run ./tools

# COMMAND ----------

# expect-next: DBX304
# MAGIC %run ./helpers.py

# COMMAND ----------

# expect-next: DBX305
# MAGIC %run ./Helpers

# COMMAND ----------

# expect-next: DBX307
# MAGIC %run ./targets

# COMMAND ----------

# expect-next: DBX308
# MAGIC %run $path="x"

# COMMAND ----------

# expect-next: DBX309
# MAGIC %run "./helpers

# COMMAND ----------

dbutils.notebook.run("./helper", 600)  # expect: DBX302
