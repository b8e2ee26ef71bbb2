# expect-file: DBX105
print("one")

# COMMAND ----------

print("two")
