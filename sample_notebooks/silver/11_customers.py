# Databricks notebook source
# MAGIC %md
# MAGIC # Silver: customers
# MAGIC
# MAGIC Keeps the latest state of each customer. E-mail addresses do not go past bronze:
# MAGIC silver knows only their salted hash.
# MAGIC
# MAGIC Owner: Customer Analytics

# COMMAND ----------

# MAGIC %run ../setup/utils

# COMMAND ----------

from pyspark.sql import functions as F

# COMMAND ----------

# DBTITLE 1,Hash the addresses
salt = dbutils.secrets.get(scope="retail", key="email-salt")

customers = (
    latest(read_table("bronze", "customers"), "customer_id", "updated_at")
    .withColumn("email_hash", F.sha2(F.concat(F.lit(salt), F.lower("email")), 256))
    .drop("email")
)

# COMMAND ----------

# DBTITLE 1,Merge by key
target = table_name("silver", "customers")
customers.createOrReplaceTempView("customer_updates")

if spark.catalog.tableExists(target):
    spark.sql(
        f"""
        MERGE INTO {target} AS target
        USING customer_updates AS source
            ON target.customer_id = source.customer_id
        WHEN MATCHED AND source.updated_at > target.updated_at THEN UPDATE SET *
        WHEN NOT MATCHED THEN INSERT *
        """
    )
else:
    write_table(customers, "silver", "customers")

# COMMAND ----------

# DBTITLE 1,Customers by country
display(read_table("silver", "customers").groupBy("country").count())
