# Databricks notebook source
# MAGIC %md
# MAGIC # Shared utilities
# MAGIC
# MAGIC Reading and writing of the tables of the lakehouse. Other notebooks start with
# MAGIC `%run ../setup/utils` and know `catalog`, `run_date` and the functions below.
# MAGIC
# MAGIC Owner: Retail Data Platform

# COMMAND ----------

# MAGIC %run ./00_config

# COMMAND ----------

# DBTITLE 1,Imports
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

# COMMAND ----------

# DBTITLE 1,Tables by layer and name
def table_name(layer: str, name: str) -> str:
    """The full name of a table, such as ``main.retail_silver.orders``."""
    if layer not in layers:
        raise ValueError(f"unknown layer {layer!r}, expected one of {layers}")
    return f"{catalog}.retail_{layer}.{name}"


def read_table(layer: str, name: str) -> DataFrame:
    return spark.table(table_name(layer, name))


def write_table(frame: DataFrame, layer: str, name: str) -> None:
    """Replace a table, or create it."""
    (
        frame.write.format("delta")
        .mode("overwrite")
        .option("overwriteSchema", "true")
        .saveAsTable(table_name(layer, name))
    )

# COMMAND ----------

# DBTITLE 1,The latest row of each key
def latest(frame: DataFrame, key: str, order_by: str) -> DataFrame:
    newest_first = Window.partitionBy(key).orderBy(F.col(order_by).desc())
    ranked = frame.withColumn("_rank", F.row_number().over(newest_first))
    return ranked.where("_rank = 1").drop("_rank")
