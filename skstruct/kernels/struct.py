"""Let jitted code call the ordinary methods of NamedTuple classes, safely cached.

A penalty reaches a kernel as a *struct*: a NamedTuple of scalars and arrays whose
methods are plain Python. It pickles, runs without numba (``NUMBA_DISABLE_JIT=1``),
and costs nothing over direct code. ``doc/design/solver.md`` compares the styles.

Two things are needed. A *protocol* class declares which methods kernels may call
(:func:`jit_protocol`), and each struct is registered (:func:`struct`) with a type
whose identity includes its source. Numba's on-disk cache watches only the file of
the kernel, so without that stamp an edited penalty would silently give the answers
of its former self.
"""

import functools
import hashlib
import importlib
import inspect
from pathlib import Path

from numba import typeof, types
from numba.core.datamodel import models, register_default
from numba.extending import overload_method, typeof_impl


class StructType(types.NamedTuple):
    """Numba type of a struct: a NamedTuple type stamped with its source code."""

    def __init__(self, field_types, cls, stamp):
        self.stamp = stamp
        super().__init__(field_types, cls)
        self.name += f"#{stamp}"

    @property
    def key(self):
        """Identity of the type, for numba's dispatch and for its cache."""
        return self.instance_class, self.types, self.stamp

    def __reduce__(self):
        # Numba pickles types into the indices of its cache, one for each kernel.
        cls = self.instance_class
        return _restored, (cls.__module__, cls.__qualname__, self.types, self.stamp)


def _restored(module, name, field_types, stamp):
    """Return the type of a struct; or, if its class is gone, one that nothing has.

    A class that has been renamed or removed must not make the index unreadable: it
    holds the machine code of all the other structs, too.
    """
    try:
        cls = importlib.import_module(module)
        for part in name.split("."):
            cls = getattr(cls, part)
    except (ImportError, AttributeError):
        return types.Opaque(f"{module}.{name}#{stamp}")
    return StructType(field_types, cls, stamp)


register_default(StructType)(models.TupleModel)


def jit_protocol(cls):
    """Make the methods that `cls` declares callable on structs in jitted code.

    Parameters
    ----------
    cls : type
        Class whose public methods declare names and signatures; their bodies are
        not used. A name must have one signature across all protocols.

    Returns
    -------
    type
        `cls`, unchanged.
    """
    for name, method in vars(cls).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            _expose(name, inspect.signature(method))
    return cls


def _expose(name, signature):
    def resolve(self, *args):
        return getattr(self.instance_class, name, None)

    resolve.__signature__ = signature
    overload_method(StructType, name)(resolve)


def struct(cls):
    """Register a NamedTuple class so that jitted code can take it and call it.

    Parameters
    ----------
    cls : type
        A ``typing.NamedTuple`` class; fields are floats, ints or arrays.

    Returns
    -------
    type
        `cls`, unchanged.
    """
    stamp = _source_stamp(cls)

    @typeof_impl.register(cls)
    def _(value, context):
        return StructType([typeof(field) for field in value], cls, stamp)

    return cls


def _source_stamp(cls):
    try:
        own = Path(inspect.getfile(cls)).read_bytes()
    except (OSError, TypeError):  # defined in a notebook or at the prompt
        own = repr(sorted(_bytecode(cls))).encode()
    return hashlib.sha1(own + _kernels_source()).hexdigest()[:12]


def _bytecode(cls):
    for name, method in vars(cls).items():
        if inspect.isfunction(method):
            code = method.__code__
            yield name, code.co_code, repr(code.co_consts), code.co_names


@functools.cache
def _kernels_source():
    # A struct's methods may call any helper of this package.
    files = sorted(Path(__file__).parent.glob("*.py"))
    return b"".join(file.read_bytes() for file in files)


@jit_protocol
class PenaltyStruct:
    """Methods of a penalty's struct that kernels call; blocks ``c`` are (k, q)."""

    def minimize(self, h, lipschitz, u, g, c, scratch):
        """Minimise the block problem of group g into c (see kernels.blocks)."""

    def prox(self, v, step, g):
        """Replace v by ``argmin_c |c - v|^2 / 2 + step * penalty_g(c)``."""
