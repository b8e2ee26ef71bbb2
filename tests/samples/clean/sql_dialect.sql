-- Databricks notebook source
-- DBTITLE 1,Several statements
USE CATALOG main;
USE SCHEMA sales;
SELECT 1 AS one;

-- COMMAND ----------

-- DBTITLE 1,A pipeline's table
CREATE OR REFRESH STREAMING TABLE raw_orders
AS SELECT order_id
FROM STREAM READ_FILES('/Volumes/main/sales/landing', format => 'json')

-- COMMAND ----------

CREATE OR REFRESH MATERIALIZED VIEW clean_orders (
    CONSTRAINT has_key EXPECT (order_id IS NOT NULL) ON VIOLATION DROP ROW
)
AS SELECT order_id
FROM raw_orders

-- COMMAND ----------

-- DBTITLE 1,A script
BEGIN
DECLARE attempts INT DEFAULT 1;
SET attempts = attempts + 1;
END

-- COMMAND ----------

SELECT order_id
FROM sales.orders
QUALIFY ROW_NUMBER() OVER (PARTITION BY order_id ORDER BY order_date) = 1

-- COMMAND ----------

COPY INTO sales.orders
FROM '/Volumes/main/sales/landing'
FILEFORMAT = CSV

-- COMMAND ----------

MERGE WITH SCHEMA EVOLUTION INTO sales.orders AS t
USING sales.updates AS s
    ON t.order_id = s.order_id
WHEN MATCHED THEN UPDATE SET *

-- COMMAND ----------

-- MAGIC %python
-- MAGIC print("Python in a SQL notebook", _sqldf)

-- COMMAND ----------

-- MAGIC %md
-- MAGIC A SELECT that is only text: SELECT FROM WHERE.
