"""Transformations of datasets. Imports `schemas`, never `pipelines`."""

from transforms.openmp import limit_spinning

limit_spinning()  # here, because OpenMP reads its settings when PyTorch or scikit-learn is imported
