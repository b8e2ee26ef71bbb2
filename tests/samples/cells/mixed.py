# Databricks notebook source
# MAGIC %python
# MAGIC print("one")
# MAGIC # expect-next: DBX140
# MAGIC %fs ls /
# MAGIC %sh ls
