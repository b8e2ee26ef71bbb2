# Databricks notebook source
import tools
from helpers import load  # expect: DBX332
from team.order import clean  # expect: DBX330
from team.orders import cleanse  # expect: DBX331
