# Databricks notebook source
# MAGIC %sql
# MAGIC -- expect-next: DBX131
SELECT 1 AS one
