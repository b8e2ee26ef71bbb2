"""Job files: Jobs API JSON and YAML, bundles, Data Factory pipelines."""
