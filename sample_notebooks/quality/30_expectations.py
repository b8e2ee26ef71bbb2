# Databricks notebook source
# MAGIC %md
# MAGIC # Expectations
# MAGIC
# MAGIC What has to be true before anyone reads the gold tables. The notebook fails if one
# MAGIC expectation does not hold, and the tasks behind it do not start.
# MAGIC
# MAGIC Owner: Retail Data Platform

# COMMAND ----------

# MAGIC %run ../setup/utils

# COMMAND ----------

dbutils.widgets.text("max_failures", "0", "Failures that are tolerated")

# COMMAND ----------

# DBTITLE 1,What must hold
EXPECTATIONS = {
    "orders have an amount": ("silver", "orders", "amount IS NULL OR amount <= 0"),
    "orders are not of tomorrow": (
        "silver",
        "orders",
        f"order_date > CAST('{run_date}' AS DATE)",
    ),
    "no address in silver": ("silver", "customers", "email_hash LIKE '%@%'"),
    "revenue is positive": ("gold", "daily_revenue", "revenue < 0"),
    "every customer has a segment": ("gold", "customer_360", "segment IS NULL"),
}

# COMMAND ----------

# DBTITLE 1,Count the rows that break a rule
failures = []
for expectation, (layer, name, broken) in EXPECTATIONS.items():
    row_count = read_table(layer, name).where(broken).count()
    print(f"{expectation}: {row_count} rows fail")
    if row_count:
        failures.append(expectation)

# COMMAND ----------

# DBTITLE 1,Verdict
if len(failures) > int(dbutils.widgets.get("max_failures")):
    raise ValueError(f"expectations failed: {', '.join(failures)}")

dbutils.notebook.exit(f"{len(EXPECTATIONS)} expectations checked")
