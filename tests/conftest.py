"""Shared settings and networks of the test suite."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

import ssmsym

settings.register_profile("suite", derandomize=True, max_examples=30, deadline=None)
settings.load_profile("suite")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """Keep compiled fields of the tests out of the user's cache."""
    if "SSMSYM_CACHE" not in os.environ:
        os.environ["SSMSYM_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def shipped():
    """Load a network that ships with ssmsym, by name."""
    return lambda name: ssmsym.load(ssmsym.network_path(name))


@pytest.fixture
def reference():
    """Load a network of others from the folder that SSMSYM_REFERENCE_NETWORKS names."""
    folder = os.environ.get("SSMSYM_REFERENCE_NETWORKS")
    if not folder:
        pytest.skip("SSMSYM_REFERENCE_NETWORKS names no folder of reference networks")
    return lambda name: ssmsym.load(Path(folder) / f"{name}.npz")
