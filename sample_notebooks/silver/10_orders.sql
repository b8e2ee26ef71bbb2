-- Databricks notebook source
-- MAGIC %md
-- MAGIC # Silver: orders
-- MAGIC
-- MAGIC One row for each order, without the repeated lines of bronze.
-- MAGIC
-- MAGIC Owner: Retail Data Platform

-- COMMAND ----------

CREATE WIDGET TEXT run_date DEFAULT '2024-06-30'

-- COMMAND ----------

-- DBTITLE 1,The table
CREATE TABLE IF NOT EXISTS main.retail_silver.orders (
    order_id BIGINT NOT NULL,
    customer_id BIGINT,
    product_id STRING,
    quantity INT,
    amount DECIMAL(12, 2),
    order_date DATE,
    shop STRING
)
USING DELTA

-- COMMAND ----------

-- DBTITLE 1,Merge the newest line of each order
MERGE INTO main.retail_silver.orders AS silver
USING (
    SELECT
        order_id,
        customer_id,
        product_id,
        quantity,
        CAST(quantity * unit_price AS DECIMAL(12, 2)) AS amount,
        order_date,
        shop
    FROM (
        SELECT
            *,
            ROW_NUMBER() OVER (
                PARTITION BY order_id
                ORDER BY _ingested_at DESC
            ) AS line_rank
        FROM main.retail_bronze.orders
    ) AS ranked
    WHERE line_rank = 1
) AS bronze
    ON silver.order_id = bronze.order_id
WHEN MATCHED THEN UPDATE SET *
WHEN NOT MATCHED THEN INSERT *

-- COMMAND ----------

-- DBTITLE 1,Rows by day
SELECT
    order_date,
    COUNT(*) AS order_count
FROM main.retail_silver.orders
WHERE order_date <= CAST(:run_date AS DATE)
GROUP BY order_date
ORDER BY order_date

-- COMMAND ----------

-- DBTITLE 1,The merge leaves no order twice
-- MAGIC %python
-- MAGIC orders = spark.table("main.retail_silver.orders")
-- MAGIC repeated = orders.groupBy("order_id").count().where("count > 1")
-- MAGIC
-- MAGIC if repeated.count():
-- MAGIC     raise ValueError("orders appear twice in main.retail_silver.orders")
