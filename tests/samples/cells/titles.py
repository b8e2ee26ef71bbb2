# Databricks notebook source
one = 1
# expect-next: DBX223
# DBTITLE 1,Too late
print(one)
