-- Databricks notebook source for the sales team
-- expect-file: DBX103
SELECT 1 AS one
