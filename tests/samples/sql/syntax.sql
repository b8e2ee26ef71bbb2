-- Databricks notebook source
-- DBTITLE 1,Clean
SELECT 1 AS one

-- COMMAND ----------

SELECT order_id
FROM sales.orders
GROUP order_id  -- expect: DBX501

-- COMMAND ----------

SELECT order_id
FROM sales.orders
WHERE order_id = = 1  -- expect: DBX501

-- COMMAND ----------

-- DBTITLE 1,The second of two statements
USE SCHEMA sales;
-- expect-next: DBX501
SELEC order_id FROM orders

-- COMMAND ----------

-- expect-next: DBX501
SELECT (order_id FROM sales.orders
WHERE region = :region

-- COMMAND ----------

SELECT order_id
FROM sales.orders
WHERE region = :region AND  -- expect: DBX501
