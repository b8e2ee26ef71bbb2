// Databricks notebook source
// MAGIC %md
// MAGIC # Top products
// MAGIC
// MAGIC The products that earned most up to the run date.
// MAGIC
// MAGIC Owner: Finance Reporting

// COMMAND ----------

dbutils.widgets.text("run_date", "2024-06-30", "Run date")
dbutils.widgets.text("top", "3", "Products shown")

// COMMAND ----------

// DBTITLE 1,Revenue by product
import org.apache.spark.sql.DataFrame
import org.apache.spark.sql.functions._

val runDate = dbutils.widgets.get("run_date")

def revenueByProduct(orders: DataFrame): DataFrame =
  orders
    .where(col("order_date") <= lit(runDate).cast("date"))
    .groupBy(col("product_id"))
    .agg(sum(col("amount")).as("revenue"))

val revenue = revenueByProduct(spark.table("main.retail_silver.orders"))

// COMMAND ----------

// DBTITLE 1,The top of the list
val top = dbutils.widgets.get("top").toInt
val products = spark.table("main.retail_bronze.products")

display(
  revenue
    .join(products, Seq("product_id"))
    .orderBy(desc("revenue"))
    .limit(top)
)

// COMMAND ----------

// MAGIC %sql
// MAGIC SELECT
// MAGIC     product_id,
// MAGIC     SUM(quantity) AS units
// MAGIC FROM main.retail_silver.orders
// MAGIC GROUP BY product_id
// MAGIC ORDER BY units DESC
