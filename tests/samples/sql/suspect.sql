-- Databricks notebook source
SELECT
    order_id,, -- expect: DBX502
    region
FROM sales.orders
