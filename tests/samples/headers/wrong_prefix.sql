# Databricks notebook source
-- expect-file: DBX103
SELECT 1 AS one
