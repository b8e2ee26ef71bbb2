# Databricks notebook source
def load(table: str):
    return spark.table(table)
