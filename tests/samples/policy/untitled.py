# Databricks notebook source
# expect-file: DBX230, DBX231
print("no title cell, nobody owns it")
