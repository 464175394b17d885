"""What the docstrings of networks trained with group penalties say alike.

A line ``{name}`` of a docstring stands for the entry of that name below.
"""

from skstruct._docs import fill_docs

_ENTRIES = {
    "objective": r"""
With weights :math:`W^1, W^2, \ldots` of a network f of scikit-learn's shape,
``penalty="group"`` minimises

.. math::

    \frac{1}{n} \sum_i \ell(y_i, f(x_i)) + \frac{\alpha}{2 n} \lVert W \rVert^2
    + \lambda_F \sum_g w_g \lVert W^1_g \rVert_F
    + \lambda_U \sum_{l > 1} \sum_u \lVert W^l_u \rVert

over rows of weights, which lead away from a group g of features or a hidden unit u
(Wen et al., 2016; Scardapane et al., 2017), with n the rows of a batch beside
:math:`\alpha`, `feature_penalty` :math:`\lambda_F` and `unit_penalty`
:math:`\lambda_U`. ``penalty="hierarchical"`` adds linear effects
:math:`\Theta` of the features to f, and penalises them instead:

.. math::

    \lambda_F \sum_g w_g \lVert \Theta_g \rVert_F
    \quad \text{with } |W^1_{jk}| \le M \lVert \Theta_g \rVert_F
    \text{ for all j in g}

so that a feature is in the network only if it has a linear effect (LassoNet;
Lemhadri et al., 2021), M being `hierarchy`. Rows become exactly zero; what depends on
none of them is left out.
""",
    "parameters": r"""
hidden_layer_sizes : int or array-like of shape (n_layers - 2,), default=(100,)
    Number of units of each hidden layer, before any is dropped.
groups : int, array-like, list, dict, callable or None, default=None
    Which features belong together, such as the levels of a one-hot encoding; as in
    :class:`GroupLasso`. None: each feature is its own group.
feature_penalty : float, default=0.01
    Strength :math:`\lambda_F` on groups of features.
unit_penalty : float, default=0.01
    Strength :math:`\lambda_U` on hidden units. With 0, a network can evade
    `feature_penalty`: small weights in the first layer, large ones after it.
penalty : {"group", "hierarchical"}, default="group"
    The form, above. "hierarchical" needs ``activation="relu"`` or "identity".
hierarchy : float, default=10.0
    Bound M of the hierarchical form.
group_weights : array-like of shape (n_groups,), dict or None, default=None
    Weights w of the groups, by position or name; 0 leaves a group unpenalised. None
    means the square root of the group's size.
remainder : {"error", "singletons", "unpenalized"}, default="error"
    What becomes of features in no group: an error that names them, a group each,
    or one group of weight 0.
refit : bool, default=True
    Whether to train what is left once more without the group penalty, which takes
    back its shrinkage.
activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
    Of the hidden units.
alpha : float, default=0.0001
    Strength of the ridge, divided by the rows of a batch as in scikit-learn.
batch_size : int or "auto", default="auto"
    Rows of a step; "auto" is ``min(200, n_samples)``.
learning_rate_init : float, default=0.001
    Step size of Adam.
max_iter : int, default=200
    Most epochs of each stage: without penalty, with it, and the refit.
shuffle : bool, default=True
    Whether to shuffle rows in each epoch.
random_state : int, RandomState instance or None, default=None
    For initial weights, the order of rows and the validation rows.
tol : float, default=1e-4
    A stage ends when the objective has not fallen by more than this for
    `n_iter_no_change` epochs in a row.
verbose : bool, default=False
    Print the objective of each epoch.
warm_start : bool, default=False
    Start from the weights of the last fit, and leave out the stage without penalty
    if there is a penalty.
early_stopping : bool, default=False
    Whether to watch, in place of the training rows' objective, that of rows set
    aside, penalty included, and to end each stage with the best weights by it.
validation_fraction : float, default=0.1
    Share of the rows set aside.
beta_1, beta_2 : float, default=0.9 and 0.999
    Decay of Adam's means of gradients and of their squares.
epsilon : float, default=1e-8
    Added to the root of the latter.
n_iter_no_change : int, default=10
    See `tol`.
""",
    "attributes": r"""
selected_features_ : ndarray of int of shape (n_selected,)
    Features on which predictions depend.
selected_groups_ : ndarray
    Names of the groups with such features.
groups_ : list of ndarray
    Feature indices of each group.
group_names_ : ndarray of shape (n_groups,)
    Names of the groups.
group_norms_ : ndarray of shape (n_groups,)
    Norms of the groups' first-layer weights (hierarchical: of their skip weights), as
    penalised.
kept_units_ : list of ndarray of int
    Units kept in each hidden layer.
n_parameters_ : int
    Weights and intercepts of ``network_``.
coefs_, intercepts_ : list of ndarray
    Weights of the large network as penalised, with its rows of zeros.
skip_coef_ : ndarray of shape (n_features, n_outputs)
    Linear effects; with the hierarchical penalty only.
loss_curve_ : list of float
    Mean objective of each epoch, stage after stage.
validation_loss_curve_ : list of float
    Objective of the rows set aside after each epoch, if there are any.
loss_ : float
    The last of ``loss_curve_``.
n_iters_ : dict of str to int
    Epochs of each stage, "first", "penalised" and "refit".
n_iter_ : int
    Epochs in all.
n_features_in_ : int
    Number of features seen in fit.
feature_names_in_ : ndarray of shape (`n_features_in_`,)
    Names of the features, where X has string names.
""",
    "notes": r"""
Trained by Adam with proximal steps. Entries of one group share one step size, for which
the proximal step has a closed form, and what training converges to is stationary for
the objective above. Whole layers are not penalised: a plain network without one of its
layers is constant (``MLPPruner`` replaces layers by a least-squares fit). In the
hierarchical form ``network_`` carries the linear effects in one (identity) or two
(relu) units an output in each layer. ``doc/design/sparse_mlp.md`` has measurements.
""",
    "references": r"""
Wen, W., Wu, C., Wang, Y., Chen, Y. and Li, H. (2016). Learning structured sparsity in
deep neural networks. NIPS.

Scardapane, S., Comminiello, D., Hussain, A. and Uncini, A. (2017). Group sparse
regularization for deep neural networks. Neurocomputing 241, 81-89.

Lemhadri, I., Ruan, F., Abraham, L. and Tibshirani, R. (2021). LassoNet: a neural
network with feature sparsity. JMLR 22(127), 1-29.
""",
}

shared_docs = fill_docs(_ENTRIES)
