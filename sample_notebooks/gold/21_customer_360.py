# Databricks notebook source
# MAGIC %md
# MAGIC # Gold: customer 360
# MAGIC
# MAGIC One row for each customer: what they bought, when last, and their segment. The
# MAGIC rules of the segments stand in the package `retail`, where plain tests reach them.
# MAGIC
# MAGIC Owner: Customer Analytics

# COMMAND ----------

# MAGIC %run ../setup/utils

# COMMAND ----------

# DBTITLE 1,The package beside the notebooks
import sys
from pathlib import Path

sys.path.append(str(Path("../src").resolve()))

# COMMAND ----------

from pyspark.sql import functions as F
from retail.segments import segment_expression

# COMMAND ----------

# DBTITLE 1,Purchases by customer
purchases = (
    read_table("silver", "orders")
    .groupBy("customer_id")
    .agg(
        F.count("*").alias("order_count"),
        F.sum("amount").alias("revenue"),
        F.max("order_date").alias("last_order_date"),
    )
)

# COMMAND ----------

# DBTITLE 1,Segments
today = F.lit(run_date).cast("date")
segment = F.expr(segment_expression("order_count", "days_since_order"))

customer_360 = (
    read_table("silver", "customers")
    .join(purchases, "customer_id", "left")
    .fillna({"order_count": 0})
    .withColumn("days_since_order", F.datediff(today, "last_order_date"))
    .withColumn("segment", segment)
)

write_table(customer_360, "gold", "customer_360")

# COMMAND ----------

display(read_table("gold", "customer_360").groupBy("segment").count())
