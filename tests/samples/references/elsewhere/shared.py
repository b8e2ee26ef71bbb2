# Databricks notebook source
# expect-next: DBX310
# MAGIC %run /Shared/helpers
