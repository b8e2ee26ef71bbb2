// Databricks notebook source
import spark.implicits._

val orders = Seq((1, "north"), (2, "south")).toDF("order_id", "region")

// COMMAND ----------

// DBTITLE 1,A definition and its use
def count(region: String): Long =
  orders.filter($"region" === region).count()

println(s"north: ${count("north")}")

// COMMAND ----------

// MAGIC %python
// MAGIC print("Python in a Scala notebook")
