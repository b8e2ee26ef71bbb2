# Databricks notebook source
# expect-file: DBX211
print("one")
