-- Databricks notebook source
-- MAGIC %md
-- MAGIC # Bronze: products
-- MAGIC
-- MAGIC The product list is short and is replaced as a whole.
-- MAGIC
-- MAGIC Owner: Retail Data Platform

-- COMMAND ----------

-- DBTITLE 1,The product list
CREATE OR REPLACE TABLE main.retail_bronze.products
USING DELTA
AS SELECT
    product_id,
    product_name,
    category,
    list_price
FROM
    VALUES
    ('P-100', 'Coffee beans, 1 kg', 'grocery', 12.50),
    ('P-200', 'Espresso grinder', 'kitchen', 89.00),
    ('P-300', 'Paper filters', 'grocery', 3.20),
    ('P-400', 'Gooseneck kettle', 'kitchen', 24.00)
        AS products (product_id, product_name, category, list_price)

-- COMMAND ----------

-- DBTITLE 1,Products by category
SELECT
    category,
    COUNT(*) AS product_count,
    MAX(list_price) AS highest_price
FROM main.retail_bronze.products
GROUP BY category
