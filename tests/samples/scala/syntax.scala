// Databricks notebook source
// expect-cell: DBX165
val orders = Seq((1, "north"), (2, "south")

// COMMAND ----------

println("clean")

// COMMAND ----------

// MAGIC %python
// MAGIC print(undefined)  # expect: F821
