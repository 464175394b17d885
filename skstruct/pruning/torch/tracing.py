"""The operations of a model, as `torch.export` sees them."""

import warnings
from typing import NamedTuple

import torch
from torch import nn


class Piece(NamedTuple):
    """One module that could be traced.

    Attributes
    ----------
    name : str
        Name of the module; "" is the whole model.
    graph : torch.fx.Graph
        Its operations, ATen's, with the shapes of one small batch.
    tensors : dict
        Name of the parameter or buffer of each placeholder that is one.
    """

    name: str
    graph: torch.fx.Graph
    tensors: dict


def qualified(*parts):
    """Join names of modules, of which some may be empty."""
    return ".".join(part for part in parts if part)


def owners_of(model):
    """Return the places of each tensor, by its first name.

    A tensor that is shared has several places.

    Returns
    -------
    owners : dict
        Name -> list of (name of the module, name of the attribute).
    first : dict
        Any name of a tensor -> its first name.
    """
    owners, first, known = {}, {}, {}
    for module_name, module in model.named_modules(remove_duplicate=False):
        own = [*module.named_parameters(recurse=False)]
        own += [*module.named_buffers(recurse=False)]
        for attribute, tensor in own:
            name = qualified(module_name, attribute)
            known.setdefault(id(tensor), name)
            first[name] = known[id(tensor)]
            owners.setdefault(first[name], []).append((module_name, attribute))
    return owners, first


def trace(model, args, kwargs):
    """Trace a model; where that fails, trace the modules that it consists of.

    Returns
    -------
    pieces : list of Piece
        What could be traced.
    failures : dict
        Name of each module that could not -> why.
    """
    pieces, failures = [], {}
    _trace_into(model, "", args, kwargs, pieces, failures)
    return pieces, failures


def _trace_into(module, name, args, kwargs, pieces, failures):
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.export.export(module, args, kwargs, strict=False)
    except Exception as error:  # torch.export raises nearly anything
        text = str(error).strip().splitlines() or [type(error).__name__]
        own = name or type(module).__name__
        failures[own] = f"cannot be traced by torch.export: {text[0][:200]}"
        if "Cache" in text[0]:
            failures[own] += " (try model.config.use_cache = False)"
    else:
        signature = program.graph_signature
        tensors = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
        }
        named = {node: qualified(name, tensor) for node, tensor in tensors.items()}
        # As the weights of attention that are not used, which hold the heads.
        program.graph.eliminate_dead_code()
        pieces.append(Piece(name, program.graph, named))
        return
    parts = dict(_callable_parts(module))
    try:
        seen = _inputs_of(module, parts, args, kwargs)
    except Exception as error:  # as a cache that a trace has left filled
        failures[own] += f"; does not run twice on the same inputs: {error}"
        return
    for part, (own_args, own_kwargs) in seen.items():
        child = qualified(name, part)
        _trace_into(parts[part], child, own_args, own_kwargs, pieces, failures)


def _callable_parts(module, prefix=""):
    """Yield the direct parts that have parameters, those inside lists included."""
    for name, part in module.named_children():
        own = qualified(prefix, name)
        if isinstance(part, nn.ModuleList | nn.ModuleDict):
            yield from _callable_parts(part, own)
        elif any(True for _ in part.parameters()):
            yield own, part


def _inputs_of(module, parts, args, kwargs):
    """Run a module and return with what inputs its parts were called first."""
    seen, handles = {}, []
    for name, part in parts.items():

        def note(_, own_args, own_kwargs, name=name):
            seen.setdefault(name, (own_args, own_kwargs))

        handles.append(part.register_forward_pre_hook(note, with_kwargs=True))
    try:
        with torch.no_grad():
            module(*args, **kwargs)
    finally:
        for handle in handles:
            handle.remove()
    return seen
