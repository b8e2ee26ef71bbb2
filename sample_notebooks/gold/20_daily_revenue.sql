-- Databricks notebook source
-- MAGIC %md
-- MAGIC # Gold: daily revenue
-- MAGIC
-- MAGIC Revenue by day, shop and category, and its share of the day.
-- MAGIC
-- MAGIC Owner: Finance Reporting

-- COMMAND ----------

-- DBTITLE 1,Orders with their category
CREATE OR REPLACE TEMPORARY VIEW categorised_orders AS
SELECT
    orders.order_date,
    orders.shop,
    products.category,
    orders.amount
FROM main.retail_silver.orders AS orders
LEFT JOIN main.retail_bronze.products AS products
    ON orders.product_id = products.product_id

-- COMMAND ----------

-- DBTITLE 1,The table
CREATE OR REPLACE TABLE main.retail_gold.daily_revenue
USING DELTA
AS WITH daily AS (
    SELECT
        order_date,
        shop,
        COALESCE(category, 'unknown') AS category,
        COUNT(*) AS order_count,
        SUM(amount) AS revenue
    FROM categorised_orders
    GROUP BY order_date, shop, COALESCE(category, 'unknown')
)

SELECT
    daily.order_date,
    daily.shop,
    daily.category,
    daily.order_count,
    daily.revenue,
    CAST(daily.revenue AS DOUBLE)
    / SUM(daily.revenue) OVER (PARTITION BY daily.order_date) AS share_of_day
FROM daily

-- COMMAND ----------

-- DBTITLE 1,The best days
SELECT
    order_date,
    SUM(revenue) AS revenue
FROM main.retail_gold.daily_revenue
GROUP BY order_date
ORDER BY revenue DESC
LIMIT 10
