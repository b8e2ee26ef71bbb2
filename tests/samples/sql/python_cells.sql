-- Databricks notebook source
SELECT 1 AS one

-- COMMAND ----------

-- MAGIC %python
-- MAGIC # expect-next: invalid-syntax
-- MAGIC total = = 1

-- COMMAND ----------

-- MAGIC %python
-- MAGIC return 1  # expect: F706

-- COMMAND ----------

-- MAGIC %py
-- MAGIC print(undefined)  # expect: F821
