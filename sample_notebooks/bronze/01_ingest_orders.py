# Databricks notebook source
# MAGIC %md
# MAGIC # Bronze: orders
# MAGIC
# MAGIC Appends the order lines that the shops sent up to the run date, as they came: the
# MAGIC till in Lyon sends some lines twice.
# MAGIC
# MAGIC Owner: Retail Data Platform

# COMMAND ----------

# MAGIC %run ../setup/utils

# COMMAND ----------

# DBTITLE 1,Lines of the shops
from datetime import date

from pyspark.sql import functions as F

SCHEMA = """
    order_id BIGINT, customer_id BIGINT, product_id STRING, quantity INT,
    unit_price DOUBLE, order_date DATE, shop STRING
"""

lines = spark.createDataFrame(
    [
        (1001, 1, "P-100", 2, 12.50, date(2024, 6, 3), "Berlin"),
        (1002, 2, "P-200", 1, 89.00, date(2024, 6, 3), "Lyon"),
        (1002, 2, "P-200", 1, 89.00, date(2024, 6, 3), "Lyon"),
        (1003, 1, "P-300", 5, 3.20, date(2024, 6, 14), "Berlin"),
        (1004, 3, "P-100", 1, 12.50, date(2024, 6, 21), "Utrecht"),
        (1005, 4, "P-200", 2, 84.50, date(2024, 6, 28), "Lyon"),
        (1006, 2, "P-400", 3, 24.00, date(2024, 6, 28), "Lyon"),
        (1007, 3, "P-300", 10, 2.95, date(2024, 7, 1), "Utrecht"),
    ],
    SCHEMA,
)

# COMMAND ----------

# DBTITLE 1,Append what is new
target = table_name("bronze", "orders")
arrived = lines.where(F.col("order_date") <= F.lit(run_date).cast("date")).withColumn(
    "_ingested_at", F.current_timestamp()
)

if spark.catalog.tableExists(target) and not full_load:
    known = read_table("bronze", "orders").select("order_id").distinct()
    unknown = arrived.join(known, "order_id", "left_anti").select(arrived.columns)
    unknown.write.mode("append").saveAsTable(target)
else:
    write_table(arrived, "bronze", "orders")

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT
# MAGIC     shop,
# MAGIC     COUNT(*) AS line_count
# MAGIC FROM main.retail_bronze.orders
# MAGIC GROUP BY shop
# MAGIC ORDER BY shop
