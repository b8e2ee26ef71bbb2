-- Databricks notebook source
-- expect-file: DBX211
SELECT 1 AS one
