-- Databricks notebook source
-- MAGIC %md
-- MAGIC # Schemas
-- MAGIC
-- MAGIC One schema for each layer of the lakehouse, in the catalog `main`.
-- MAGIC
-- MAGIC Owner: Retail Data Platform

-- COMMAND ----------

-- DBTITLE 1,Bronze, silver and gold
CREATE SCHEMA IF NOT EXISTS main.retail_bronze;
CREATE SCHEMA IF NOT EXISTS main.retail_silver;
CREATE SCHEMA IF NOT EXISTS main.retail_gold;
