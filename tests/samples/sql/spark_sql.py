# Databricks notebook source
spark.sql("SELECT order_id FROM sales.orders GROUP order_id")  # expect: DBX501

# COMMAND ----------

display(
    spark.sql(
        """
        SELECT order_id
        FROM sales.orders
        GROUP order_id  -- expect: DBX501
        """
    )
)

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT order_id
# MAGIC FROM sales.orders
# MAGIC GROUP order_id  -- expect: DBX501
