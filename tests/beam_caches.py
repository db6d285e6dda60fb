"""Caches for what Beam computes anew for each graph: half of the time of a job on a small log.

Only the process of the tests has them: commands and workers in processes of their own run Beam as it is.
"""

import inspect
import sys
import types
import weakref
from collections.abc import Iterable
from typing import Any

from apache_beam.internal.cloudpickle import cloudpickle
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms import core, userstate

_arguments_of = core.get_function_args_defaults
_specs_of = userstate.get_dofn_specs
_view_of = PipelineOptions.view_as
_submodules_of = cloudpickle._find_imported_submodules

_arguments: weakref.WeakKeyDictionary[types.FunctionType, tuple[list[str], list[Any]]] = weakref.WeakKeyDictionary()
_specs: weakref.WeakKeyDictionary[core.DoFn, tuple[set[Any], set[Any]]] = weakref.WeakKeyDictionary()
_views: weakref.WeakKeyDictionary[PipelineOptions, dict[type, PipelineOptions]] = weakref.WeakKeyDictionary()
_submodules: dict[tuple[types.CodeType, frozenset[str], int], list[str]] = {}


def _cached_arguments(method: Any) -> tuple[list[str], list[Any]]:
    """Return the arguments and defaults of a method, which are those of its function for each object."""
    if not inspect.ismethod(method) or not isinstance(method.__func__, types.FunctionType):
        return _arguments_of(method)
    if method.__func__ not in _arguments:
        _arguments[method.__func__] = _arguments_of(method)
    names, defaults = _arguments[method.__func__]
    return list(names), list(defaults)


def _cached_specs(function: core.DoFn) -> tuple[set[Any], set[Any]]:
    """Return the states and timers of a DoFn, for which Beam inspects all methods."""
    try:
        found = _specs.get(function)
    except TypeError:  # it has no hash
        return _specs_of(function)
    if found is None:
        found = _specs[function] = _specs_of(function)
    return found


def _cached_view(options: PipelineOptions, kind: type[PipelineOptions]) -> PipelineOptions:
    """Return one view of each kind: views store their values in the options that they are views of."""
    views = _views.setdefault(options, {})
    if kind not in views:
        views[kind] = _view_of(options, kind)
    return views[kind]


def _cached_submodules(code: types.CodeType, dependencies: Iterable[Any]) -> list[types.ModuleType]:
    """Return the submodules that a function may address, which cloudpickle looks for among all imported modules."""
    modules = [each for each in dependencies if isinstance(each, types.ModuleType)]
    key = (code, frozenset(each.__name__ for each in modules), len(sys.modules))
    if key not in _submodules:
        _submodules[key] = [module.__name__ for module in _submodules_of(code, modules)]
    return [sys.modules[name] for name in _submodules[key]]


def install() -> None:
    """Make Beam use these caches in this process."""
    core.get_function_args_defaults = _cached_arguments
    userstate.get_dofn_specs = _cached_specs
    PipelineOptions.view_as = _cached_view
    cloudpickle._find_imported_submodules = _cached_submodules
