"""Packages that everybody installs from elsewhere, by the name they are imported with."""

from __future__ import annotations

import sys

_RUNTIME = """
    IPython PIL aiohttp azure azureml black bokeh boto3 botocore bs4 cachetools catboost certifi
    chardet click cloudpickle colorama cryptography cv2 cycler cython databricks_langchain
    databricks_openai dateutil dbruntime decorator deepspeed delta delta_sharing deltalake
    distributed dlt entrypoints evaluate fastapi filelock flask fsspec fugue gensim geopandas git
    google graphframes great_expectations greenlet grpc h5py holidays horovod httpx hyperopt
    idna imblearn ipykernel ipywidgets isodate javax java jinja2 joblib jsonschema jupyter_client
    jwt keras koalas langchain langchain_community langchain_core langchain_openai langgraph
    lightgbm lightning llama_index lxml markdown markupsafe marshmallow matplotlib mlflow
    mpl_toolkits msal mypy nbconvert nbformat nest_asyncio networkx nltk notebookutils numba
    numexpr numpy nutter openai openpyxl opencensus opentelemetry optuna orjson org packaging
    pandas patsy petastorm pip pkg_resources plotly polars prophet protobuf psutil psycopg2 py4j
    pyarrow pydantic pyfunc pylab pymongo pymssql pymysql pyodbc pyparsing pyspark pytest
    pytest_mock pytorch_lightning pytz ray redis regex requests rich ruamel sagemaker scipy
    seaborn sentence_transformers setuptools shap shapely simplejson six sklearn snowflake spacy
    spark_nlp sparkdl sparknlp sqlalchemy sqlglot sqlparse starlette statsmodels sympy tables
    tabulate tenacity tensorboard tensorboardX tensorflow tensorflow_addons
    tensorflow_datasets textblob threadpoolctl tiktoken toml torch torchmetrics torchvision
    tornado tqdm traitlets transformers typing_extensions ujson urllib2 urllib3 wheel whylogs
    wordcloud wrapt xarray xgboost xlrd xlsxwriter yaml zmq
"""
_KNOWN = frozenset(_RUNTIME.split()) | frozenset(sys.stdlib_module_names)

_DISTRIBUTIONS = """
    agents ai_bridge automl automl_runtime bundles connect feature_engineering feature_store
    koalas ml_features model_monitoring rag rag_eval sdk sql vector_search
"""
_OF_DATABRICKS = frozenset(_DISTRIBUTIONS.split())
"""``databricks`` is shared by many distributions, a team's own among them; these are not."""


def is_known(module: str) -> bool:
    """Whether the dotted ``module`` comes from Python itself or from a package of that name.

    A folder of the repository that carries one of these names (``json``, ``delta``, ``mlflow``)
    is hardly ever meant by an import.
    """
    top, _, rest = module.partition(".")
    if top == "databricks":
        return not rest or rest.partition(".")[0] in _OF_DATABRICKS
    return top in _KNOWN
