# Databricks notebook source
# MAGIC %md
# MAGIC # Legal in a cell, though no plain Python

# COMMAND ----------

# A cell that begins with a comment keeps its magic without a prefix.
%pip install --quiet retail-helpers==1.0

# COMMAND ----------

pip install --quiet retail-extras

# COMMAND ----------

# MAGIC %restart_python

# COMMAND ----------

!ls /tmp

# COMMAND ----------

files = !ls /tmp
print(files)

# COMMAND ----------

spark?

# COMMAND ----------

?spark.table

# COMMAND ----------

if spark.version > "3.5":
    %env MODE=new
else:
    %env MODE=old

# COMMAND ----------

# MAGIC %%time
# MAGIC total = spark.table("samples.tpch.orders").count()
# MAGIC print(total)

# COMMAND ----------

import asyncio

await asyncio.sleep(0)

# COMMAND ----------

async with asyncio.timeout(1):
    print("awaited")

# COMMAND ----------

sc.setLogLevel("WARN")

# COMMAND ----------

config = {"region": "north"}
print(config)

# COMMAND ----------

EXAMPLE = """
%%sql
SELECT 1
"""
print(EXAMPLE)

# COMMAND ----------

display(sql("SELECT 1 AS one"))
displayHTML("<b>done</b>")
print(getArgument("region"), table("samples.tpch.orders"), sqlContext, udf, _sqldf)
