# Databricks notebook source
# MAGIC %md
# MAGIC # Revenue forecast
# MAGIC
# MAGIC A straight line through the daily revenue: enough to see where a month is going.
# MAGIC
# MAGIC Owner: Finance Reporting

# COMMAND ----------

library(dplyr)
library(sparklyr)

sc <- spark_connect(method = "databricks")

# COMMAND ----------

# DBTITLE 1,Revenue by day
daily <- spark_read_table(sc, "main.retail_gold.daily_revenue") %>%
  group_by(order_date) %>%
  summarise(revenue = sum(revenue, na.rm = TRUE)) %>%
  arrange(order_date) %>%
  collect()

# COMMAND ----------

# DBTITLE 1,A straight line, two weeks ahead
daily$day <- as.numeric(daily$order_date - min(daily$order_date))
model <- lm(revenue ~ day, data = daily)

ahead <- data.frame(day = max(daily$day) + seq_len(14))
ahead$revenue <- predict(model, newdata = ahead)

display(ahead)
