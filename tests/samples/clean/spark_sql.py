# Databricks notebook source
# DBTITLE 1,Literal statements that parse
spark.sql("SELECT order_id FROM sales.orders WHERE region = :r", {"r": "north"})

# COMMAND ----------

spark.sql(
    """
    SELECT order_id
    FROM ${catalog}.sales.orders
    """
)

# COMMAND ----------

# DBTITLE 1,What is put together at run time is not judged
table_name = "samples.tpch.orders"
spark.sql(f"SELECT FROM {table_name}")
spark.sql("SELECT FROM " + table_name)
