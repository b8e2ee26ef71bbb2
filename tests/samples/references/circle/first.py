# Databricks notebook source
# expect-next: DBX306
# MAGIC %run ./second
