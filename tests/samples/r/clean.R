# Databricks notebook source
orders <- data.frame(order_id = c(1, 2), region = c("north", "south"))

# COMMAND ----------

# DBTITLE 1,A definition and its use
count_of <- function(name) {
  sum(orders$region == name)
}

print(count_of("north"))

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT 1 AS one
