# Databricks notebook source 
# expect-file: DBX103
print("a blank follows the header")
