"""Train PyTorch models so that whole units become zero: proximal steps."""

from numbers import Real

import numpy as np

from skstruct.pruning.torch_groups import as_groups
from skstruct.pruning.torch_missing import torch_for


def proximal_step(model, groups, alpha, lr, *, l1_ratio=0.0):
    r"""Shrink units of a PyTorch model, those that are small enough to zero.

    Called after each ``optimizer.step()``, this trains the model with the group lasso
    or the sparse group lasso on its units, ::

        minimise  loss(theta) + alpha * sum_g [ l1_ratio * |theta_g|_1
                                    + (1 - l1_ratio) * w_g * |theta_g|_2 ]

    by proximal gradient descent: the step is the exact minimiser over c of ::

        sum_i (c_i - theta_i)^2 / (2 s_i) + penalty(c)

    with s_i the step sizes of the entries, which optimizers such as Adam have apart,
    in which units end at exact zeros, that ``TorchPruner(model, budget="zeros")``
    removes. Parameters are changed in place, all units of a model at once.

    Parameters
    ----------
    model : torch.nn.Module
        The model in training.
    groups : UnitGroups, list or dict of str -> list
        The units, as found by :func:`removable_groups`. A list or dict as for
        :class:`UnitGroups` is looked through at each call: make it one once.
    alpha : float
        Strength of the penalty.
    lr : torch.optim.Optimizer or float
        The step sizes: the optimizer that has just taken a step (SGD, Adam, AdamW,
        RMSprop or Adagrad), or for others a number for all entries; see Notes.
    l1_ratio : float, default=0.0
        Share of the l1 norm, in [0, 1]. 0 is the group lasso.

    Returns
    -------
    penalty : float
        ``alpha * sum_g [...]`` of the new parameters, to add to the loss for the
        objective.
    n_zero : int
        Number of units that are zero.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    ValueError
        If a parameter is not valid, or the groups are not of this model.

    See Also
    --------
    removable_groups : Finds the groups.
    DropAndGrow : A given number of units throughout the training.
    GroupSparseMLPClassifier : The same for scikit-learn's networks, in one `fit`.

    Notes
    -----
    Step sizes are what a constant gradient is multiplied by in the end. Of SGD with
    momentum m this is ``lr / (1 - m)``, of Adam ``lr / (sqrt(v) + eps)`` for each
    entry, with v the running mean of squared gradients [3]_; the minimiser then is
    found by Newton's method, in two to four iterations mostly, which can take as long
    as a small batch. So training ends at
    stationary points of the objective above, and `alpha` means the same for all
    optimizers. A number given with Adam works like the weight decay of AdamW: apart
    from the gradients and alike on all units, the objective is not the one above, and
    often all units or none become zero.

    Units with a part that is frozen (``requires_grad=False``), or that the optimizer
    has not moved, and those of weight 0, are left as they are. In bfloat16 and
    float16, steps that are small against the entries are lost in rounding: keep
    parameters in float32, and let `torch.autocast` compute.

    References
    ----------
    .. [1] Wen et al., Learning Structured Sparsity in Deep Neural Networks, NeurIPS
       2016.
    .. [2] Simon et al., A Sparse-Group Lasso, Journal of Computational and Graphical
       Statistics 22(2), 2013.
    .. [3] Yun, Lozano and Yang, Adaptive Proximal Gradient Methods for Structured
       Neural Networks, NeurIPS 2021.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from skstruct import TorchPruner, proximal_step, removable_groups
    >>> _ = torch.manual_seed(0)
    >>> X = torch.randn(200, 5)
    >>> y = X[:, :1].abs()
    >>> model = nn.Sequential(nn.Linear(5, 50), nn.ReLU(), nn.Linear(50, 1))
    >>> groups = removable_groups(model, X)
    >>> optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    >>> for _ in range(300):
    ...     optimizer.zero_grad()
    ...     loss = nn.functional.mse_loss(model(X), y)
    ...     loss.backward()
    ...     optimizer.step()
    ...     penalty, n_zero = proximal_step(model, groups, 0.01, optimizer)
    >>> small = TorchPruner(model, budget="zeros").fit(X).model_
    >>> small[0].out_features == 50 - n_zero
    True
    """
    with torch_for("proximal_step"):
        from skstruct.pruning.torch.unit_prox import shrink_units
    is_optimizer = hasattr(lr, "param_groups")
    for name, value in (("alpha", alpha), ("lr", 0.0 if is_optimizer else lr)):
        if not (_is_number(value) and 0 <= float(value) < np.inf):
            way = ", or lr the optimizer" if name == "lr" else ""
            raise ValueError(
                f"{name}={value!r} must be a finite number of at least 0{way}."
            )
    if not (isinstance(l1_ratio, Real) and 0 <= l1_ratio <= 1):
        raise ValueError(f"l1_ratio={l1_ratio!r} must be a number in [0, 1].")
    groups = as_groups(model, groups)
    lr = lr if is_optimizer else float(lr)
    return shrink_units(model, groups, float(alpha), lr, float(l1_ratio))


def _is_number(value):
    """Whether a value is a number, or a tensor that holds one, as `lr` may be."""
    return isinstance(value, Real) or getattr(value, "ndim", None) == 0
