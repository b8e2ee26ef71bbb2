 # Databricks notebook source
# expect-file: DBX103
print("a blank stands ahead of the header")
