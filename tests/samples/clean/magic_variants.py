# Databricks notebook source
# MAGIC %md # Ways to write a magic

# COMMAND ----------

#MAGIC %md
#MAGIC No blank after the comment sign.

# COMMAND ----------

  # MAGIC %md
  # MAGIC Indented.

# COMMAND ----------

# MAGIC
# MAGIC
# MAGIC %sql
# MAGIC SELECT 1 AS one

# COMMAND ----------

# A comment stands before the magic.
# MAGIC %sql
# MAGIC SELECT 2 AS two

# COMMAND ----------

# MAGIC %sql SELECT 3 AS three

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT 4 AS four;

# MAGIC SELECT 5 AS five;

# COMMAND ----------

# MAGIC %python
# MAGIC print("its own language")

# COMMAND ----------

# MAGIC %py
# MAGIC print("short name")

# COMMAND ----------

# MAGIC %md-sandbox
# MAGIC <b>HTML</b>

# COMMAND ----------

# MAGIC %md
# MAGIC The text of a delimiter inside of a cell is content:
# MAGIC # COMMAND ----------
# MAGIC and this is still the same cell.

# COMMAND ----------

# MAGIC # MAGIC %md
# MAGIC # MAGIC Exported twice: a cell of comments.

# COMMAND ----------

# MAGIC %sh
# MAGIC if true; then
# MAGIC   echo "(not Python"
# MAGIC fi

# COMMAND ----------

# MAGIC %fs ls /

# COMMAND ----------

# MAGIC %skip
# MAGIC this is not Python and does not run

# COMMAND ----------

# MAGIC %%mosaic_kepler
# MAGIC orders "geometry" "h3" 5000

# COMMAND ----------

# MAGIC %run ./helpers $region="north" $full=false

# COMMAND ----------

# MAGIC %run "./month end/helpers"

# COMMAND ----------

# MAGIC %load_ext autoreload
# MAGIC %autoreload 2

# COMMAND ----------

# DBTITLE 0,A hidden title
print("below a title that is not shown")
