# Databricks notebook source exported at Wed, 13 Apr 2016 07:03:50 UTC
# expect-file: DBX103
print("an export of an older time")
