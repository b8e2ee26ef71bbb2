-- Databricks notebook source
CREATE WIDGET TEXT region DEFAULT 'north'

-- COMMAND ----------

CREATE WIDGET TEXT catalog DEFAULT 'development'

-- COMMAND ----------

CREATE WIDGET TEXT environment DEFAULT 'development'

-- COMMAND ----------

CREATE WIDGET TEXT lowest_amount DEFAULT '0'

-- COMMAND ----------

SELECT :region AS region

-- COMMAND ----------

SELECT order_id
FROM IDENTIFIER(:catalog || '.sales.orders')
WHERE region = :region

-- COMMAND ----------

SELECT order_id
FROM ${catalog}.sales.orders
WHERE region = '${spark.sales.region}'

-- COMMAND ----------

SELECT order_id
FROM retail_${environment}.sales.orders

-- COMMAND ----------

SELECT order_id
FROM sales.orders
WHERE amount > $lowest_amount

-- COMMAND ----------

SELECT order_id
FROM {{ catalog }}.sales.orders
WHERE region = '{{ region }}'

-- COMMAND ----------

SELECT
    order_id,
    amount::DECIMAL(10, 2) AS amount
FROM sales.orders
WHERE region = GETARGUMENT('region')

-- COMMAND ----------

REMOVE WIDGET region
