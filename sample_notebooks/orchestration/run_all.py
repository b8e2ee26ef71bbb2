# Databricks notebook source
# MAGIC %md
# MAGIC # Run the lakehouse by hand
# MAGIC
# MAGIC The same order as the job `retail_daily` of `databricks.yml`, for a first load or a
# MAGIC test after a change.
# MAGIC
# MAGIC Owner: Retail Data Platform

# COMMAND ----------

dbutils.widgets.text("run_date", "2024-06-30", "Run date")
dbutils.widgets.dropdown("load_mode", "incremental", ["incremental", "full"], "Load")

# COMMAND ----------

arguments = {
    "run_date": dbutils.widgets.get("run_date"),
    "load_mode": dbutils.widgets.get("load_mode"),
}
TIMEOUT_SECONDS = 900

# COMMAND ----------

# DBTITLE 1,Bronze
dbutils.notebook.run("../setup/01_create_schemas", TIMEOUT_SECONDS)
dbutils.notebook.run("../bronze/01_ingest_orders", TIMEOUT_SECONDS, arguments)
dbutils.notebook.run("../bronze/02_ingest_customers", TIMEOUT_SECONDS)
dbutils.notebook.run("../bronze/03_ingest_products", TIMEOUT_SECONDS)

# COMMAND ----------

# DBTITLE 1,Silver
dbutils.notebook.run(
    "../silver/10_orders", TIMEOUT_SECONDS, {"run_date": arguments["run_date"]}
)
dbutils.notebook.run("../silver/11_customers", TIMEOUT_SECONDS, arguments)

# COMMAND ----------

# DBTITLE 1,Gold
dbutils.notebook.run("../gold/20_daily_revenue", TIMEOUT_SECONDS)
dbutils.notebook.run("../gold/21_customer_360", TIMEOUT_SECONDS, arguments)

# COMMAND ----------

# DBTITLE 1,Expectations
verdict = dbutils.notebook.run(
    "../quality/30_expectations",
    TIMEOUT_SECONDS,
    {"run_date": arguments["run_date"], "max_failures": "0"},
)
print(verdict)
