"""By how much an optimizer multiplies gradients: the step size of each entry."""

from torch import optim


def step_sizes(optimizer):
    """Return the step size of each parameter that is moved, a number or a tensor.

    That by which a constant gradient is multiplied in the end, momenta included.

    Raises
    ------
    ValueError
        If the optimizer is not one of those known.
    """
    kind = next((kind for kind in KNOWN if isinstance(optimizer, kind)), None)
    if kind is None:
        known = ", ".join(kind.__name__ for kind in KNOWN)
        raise ValueError(
            f"lr is an optimizer of class {type(optimizer).__name__}, whose step sizes "
            f"are not known; those of {known} are. Give a number."
        )
    return {
        parameter: KNOWN[kind](group, optimizer.state[parameter])
        for group in optimizer.param_groups
        for parameter in group["params"]
        if kind is optim.SGD or optimizer.state.get(parameter)
    }


def _of_sgd(group, state):
    share = 1.0
    if group["momentum"]:
        share = (1 - group["dampening"]) / (1 - group["momentum"])
    return float(group["lr"]) * share


def _of_adam(group, state):
    squares = state["max_exp_avg_sq" if group["amsgrad"] else "exp_avg_sq"]
    correction = 1 - group["betas"][1] ** float(state["step"])
    return float(group["lr"]) / ((squares / correction).sqrt() + group["eps"])


def _of_rmsprop(group, state):
    squares = state["square_avg"]
    if group["centered"]:
        squares = (squares - state["grad_avg"] ** 2).clamp(min=0.0)
    lr = float(group["lr"]) / (1 - group["momentum"])
    return lr / (squares.sqrt() + group["eps"])


def _of_adagrad(group, state):
    lr = float(group["lr"]) / (1 + (float(state["step"]) - 1) * group["lr_decay"])
    return lr / (state["sum"].sqrt() + group["eps"])


KNOWN = {
    optim.SGD: _of_sgd,
    optim.Adam: _of_adam,
    optim.AdamW: _of_adam,
    optim.RMSprop: _of_rmsprop,
    optim.Adagrad: _of_adagrad,
}
