"""A PyTorch model in, a smaller one that computes nearly the same out."""

from collections.abc import Mapping
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skstruct._compat import Interval, StrOptions, fit_context
from skstruct.groups.frame import as_frame
from skstruct.pruning.torch_missing import torch_for

TARGETS = ("channels", "heads", "ffn", "layers")


class TorchPruner(BaseEstimator):
    """Make a PyTorch model smaller, and refit what is left.

    Removes channels of convolutions, heads of attention, hidden units of feed-forward
    layers and whole layers, so that tensors become really smaller. As in
    :class:`MLPPruner`, the units kept are those from which the next layer's weights,
    refitted, reproduce its output Z best, ::

        minimise over units S and W   |Z - H_S W|^2 + ridge |W - W_0|^2

    with H what that layer gets and W_0 its weights, on a few hundred inputs without
    labels. Layers are refitted from the input of the model on, each for what the model
    pruned so far passes on. Where its output is added to something else, as in residual
    networks, it makes up for the errors of that as well.

    `torch.export` gives the operations of the model, and with them what can only be
    removed together: convolutions, also grouped ones, linear layers, batch, group and
    layer norms, additions, concatenations, flattening, and attention, also with shared
    keys and gates. Channels that several layers read, as in residual networks, are
    chosen by the sum of what each of these loses. A layer is removed whole, such as
    the attention of a transformer or a block of a residual network, where its output
    is added to something else: its mean is added then, and later layers of that kind
    make up for the rest, if that is worth it. What cannot be removed, or not be
    traced, is left whole: ``left_whole_`` says what and why. Before anything is
    pruned, half of the units are taken out on trial; where that does not give what the
    full model would without them, a layer is left whole too.

    Parameters
    ----------
    model : torch.nn.Module
        The trained model. It is not changed, and may be in training mode or in half
        precision.
    budget : float, sequence of int, dict or "zeros", default=0.5
        What to keep. A fraction in [0, 1] of the units of each group, at least one; a
        number for each group, in the order of ``kept_units_``, 0 to remove a layer; or
        the most that the model may cost: ``{"params": n}`` parameters, ``{"flops": n}``
        multiply-adds of one row of the first batch, ``{"latency": s}`` seconds for the
        first batch, as measured; or the most that it may lose: ``{"score_drop": d}``.
        "zeros" keeps all but units that training has made zero, without a refit, so
        that the model computes the same: see :func:`proximal_step`.
    criterion : {"backward", "forward", "magnitude", "taylor", "random"}, \
            default="backward"
        How units are chosen. "backward" removes and "forward" adds them one by one
        by the error above. The others score single units: "magnitude" by norms of
        incoming and outgoing weights, "taylor" by the mean square of what the model's
        output would change without them, to first order, "random".
    refit : {"lstsq"} or None, default="lstsq"
        Whether the next layers are refitted.
    ridge : float, default=1e-3
        Ridge of choice and refit, relative to the mean variance of H.
    allocation : {"auto", "uniform", "sensitivity"}, default="auto"
        How the budget is spread: the same fraction everywhere, or by what the output
        loses when each group is pruned alone, a fraction to as many multiply-adds as
        it leaves everywhere. Of the latter and the same fraction, what is better on
        rows held out is taken, but for "score_drop". "auto" is "sensitivity" if there
        are heads to remove, or less than a quarter of the units would be kept, else
        uniform.
    targets : sequence of {"channels", "heads", "ffn", "layers"}, default=all four
        What may be removed: channels of convolutions, heads, hidden units between
        linear layers, or all of a group's units with the layers that make and read
        them. The last is done by "sensitivity", if it is better on rows held out than
        narrower layers alone. With "layers" only, layers stay as they are or go whole:
        one by one, of three that are missed least when they alone are removed, the one
        without which the model is best; a fraction is then one of layers.
    weighting : {"output"} or None, default="output"
        Whether, in the choice of units, errors of Z count by what the output of the
        model does with them, as in :class:`MLPPruner`, or all alike.
    n_swaps : int, default=1
        Rounds of trading units for better ones, after "backward" and "forward", of
        units that one layer reads.
    n_positions : int, default=12000
        Places (pixels, tokens) at which a layer is looked at, at most; of more, as
        many are drawn. The memory needed grows with this and with the width of
        layers, not with the number of inputs, but for what layers gave: at most 512 MB
        of it are held between passes.
    batch_size : int, default=32
        Rows in a batch, if `fit` gets tensors.
    scoring : callable, default=None
        ``scoring(model)`` returns a number, larger for better models, of which it gets
        copies in evaluation mode; for "score_drop", ``path_`` and the choice of an
        allocation. None means minus the
        share of the variance of the full model's output that is missed, on a quarter of
        the rows that is held out.
    random_state : int, RandomState instance or None, default=None
        For places, projections of the output, and "random".

    Attributes
    ----------
    model_ : torch.nn.Module
        The smaller model, of the class of `model`: a copy with smaller tensors. Modes,
        data types and what requires a gradient are as in `model`. Layers that have no
        intercept and no batch norm after them get one when they are refitted,
        ``nn.MultiheadAttention`` that loses heads becomes a module with a linear layer
        each for queries, keys and values, and a layer that is removed one that gives a
        constant.
    kept_units_ : dict of str -> ndarray of int
        Units kept, by group; none, if a layer is removed.
    reconstruction_error_ : dict of str -> float
        For each layer that was refitted, the share of the variance of its target that
        is missed.
    left_whole_ : dict of str -> str
        Modules that keep all their units, and why.
    path_ : list of PruningStep
        The full and the pruned model: units of each group, parameters, multiply-adds,
        error of the output on some of the inputs of `fit`, score.
    trials_ : dict
        Widths that were compared, in the order of ``kept_units_`` -> score on rows
        held out.
    n_parameters_ : int
        Parameters of ``model_``.
    flops_ : int
        Multiply-adds for one row of the first batch: of convolutions, linear layers
        and attention.

    See Also
    --------
    MLPPruner : The same for networks of scikit-learn.

    Notes
    -----
    Needs PyTorch: ``pip install 'skstruct[torch]'``. Tokens that the
    ``attention_mask`` (rows, length) of named inputs leaves out do not count.

    Known not to work:

    - Layers that read units and do more than those of `torch.nn`, by a `forward` of
      their own or hooks, and products written as operations (``einsum``,
      ``x @ weight``) are left whole with their inputs.
    - Layers are not removed whose output is scaled before it is added, or after whose
      removal the code in between no longer runs.
    - Additions with a factor, ``torch.add(x, y, alpha=...)``, and outputs of layers
      that are scaled before they are added, are not made up for.
    - Models that keep keys and values are hardly traced:
      ``model.config.use_cache = False`` first.
    - Outputs that are infinite, as masked scores are, and models of which a copy in
      single precision does not run, are refused.
    - The first dimension of inputs is taken for rows, also where it is the length.
    - What only later batches reach, by a branch on values, is left whole.

    References
    ----------
    .. [1] He, Zhang and Sun, Channel Pruning for Accelerating Very Deep Neural
       Networks, ICCV 2017.
    .. [2] Meng et al., OSSCAR: One-Shot Structured Pruning in Vision and Language
       Models with Combinatorial Optimization, ICML 2024.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from skstruct import TorchPruner
    >>> _ = torch.manual_seed(0)
    >>> model = nn.Sequential(
    ...     nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10))
    >>> pruner = TorchPruner(model, budget=0.5).fit(torch.randn(200, 1, 8, 8))
    >>> pruner.model_
    Sequential(
      (0): Conv2d(1, 4, kernel_size=(3, 3), stride=(1, 1))
      (1): ReLU()
      (2): Flatten(start_dim=1, end_dim=-1)
      (3): Linear(in_features=144, out_features=10, bias=True)
    )
    """

    _parameter_constraints = {
        "model": "no_validation",
        "budget": [
            Interval(Real, 0, 1, closed="both"),
            StrOptions({"zeros"}),
            "array-like",
            Mapping,
        ],
        "criterion": [
            StrOptions({"backward", "forward", "magnitude", "taylor", "random"})
        ],
        "refit": [StrOptions({"lstsq"}), None],
        "ridge": [Interval(Real, 0, None, closed="left")],
        "allocation": [StrOptions({"auto", "uniform", "sensitivity"})],
        "targets": ["array-like"],
        "weighting": [StrOptions({"output"}), None],
        "n_swaps": [Interval(Integral, 0, None, closed="left")],
        "n_positions": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "scoring": [callable, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        model,
        *,
        budget=0.5,
        criterion="backward",
        refit="lstsq",
        ridge=1e-3,
        allocation="auto",
        targets=TARGETS,
        weighting="output",
        n_swaps=1,
        n_positions=12000,
        batch_size=32,
        scoring=None,
        random_state=None,
    ):
        self.model = model
        self.budget = budget
        self.criterion = criterion
        self.refit = refit
        self.ridge = ridge
        self.allocation = allocation
        self.targets = targets
        self.weighting = weighting
        self.n_swaps = n_swaps
        self.n_positions = n_positions
        self.batch_size = batch_size
        self.scoring = scoring
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, calibration_inputs, y=None):
        """Prune the model.

        Parameters
        ----------
        calibration_inputs : Tensor, tuple, dict or iterable
            A few hundred inputs of the kind that the model gets: a tensor or array; a
            tuple of them for several arguments; a dict for named ones. Of these, what
            has not as many rows as the first, such as a mask of attention (length,
            length), goes into each batch whole. Any other iterable, such as a list or a
            `DataLoader`, gives batches, each one of these. It is gone through once for
            each layer and a few times more, and nothing of it is held, unless it is an
            iterator or gives another batch first the second time, as loaders that
            shuffle do.
        y : None
            Not used, present for API consistency by convention.

        Returns
        -------
        TorchPruner
            The fitted pruner.

        Raises
        ------
        ImportError
            If PyTorch is not installed.
        TypeError
            If the model is not a module, or the inputs are none.
        ValueError
            If the budget cannot be met, nothing can be pruned, the model does not take
            the inputs, they or what it makes of them are not finite, or an iterable
            gives other batches later.
        RuntimeError
            If the pruned model fails on the inputs.
        """
        with torch_for("TorchPruner"):
            from skstruct.pruning.torch.job import prune
        unknown = [name for name in self.targets if name not in TARGETS]
        if unknown or isinstance(self.targets, str):
            raise ValueError(
                f"targets={self.targets!r} must be a sequence of some of {TARGETS}."
            )
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        for name, value in prune(self, calibration_inputs, seed).items():
            setattr(self, name, value)
        return self

    def to_frame(self, *, output=None):
        """Show what was removed where, one row for each group.

        Parameters
        ----------
        output : {"pandas", "polars", "dict"} or None, default=None
            What to return. None is what ``sklearn.set_config(transform_output=...)``
            says, pandas if that is not set.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or dict
            With columns ``name``, ``kind``, ``units``, ``kept``, ``removed`` (a share),
            ``params`` and ``flops``, what that alone saves of the full model, and
            ``read_by``, the layers that read the units.

        Raises
        ------
        ImportError
            If pandas, or polars, is not installed.
        sklearn.exceptions.NotFittedError
            If the pruner has not been fitted.
        """
        check_is_fitted(self)
        return as_frame(self._groups, output)
