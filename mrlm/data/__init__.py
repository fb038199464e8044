"""Datasets in and out: exports of the tasks' rows, the Hub, and rows of the user's own.

``python data_gen/make_datasets.py`` and ``mrlm data`` are ``main``; a recipe that trains on a
dataset of the user's calls ``load_user_dataset``.
"""

from mrlm.data.user import load_user_dataset

__all__ = ["load_user_dataset"]
