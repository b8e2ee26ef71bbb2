# Databricks notebook source
dbutils.widgets.text("region", "north")
print(dbutils.widgets.get("region"))
