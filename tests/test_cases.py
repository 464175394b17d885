"""Real tables, from raw columns to selected raw columns: what the examples do.

The cells of the examples that need no drawing are run as they stand, on fewer alphas
and folds.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import OneHotEncoder

import skstruct

EXAMPLES = Path(__file__).parent.parent / "examples"
QUICK = {
    "alphas=30": "alphas=6",
    "alphas=25": "alphas=5",
    "eps=1e-2": "eps=5e-2",
    "StratifiedKFold(5": "StratifiedKFold(2",
    "n_pairs=25": "n_pairs=2",
}


def cells_of(name):
    """Code of an example, by the heading of its cell."""
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    start, *cells = re.split(r"^# %%\n# (.+)\n# -+\n", text, flags=re.MULTILINE)
    return {"imports": start, **dict(zip(cells[::2], cells[1::2], strict=True))}


def run_cells(name, *headings):
    """Run some cells of an example, quickly, and return what they define."""
    pytest.importorskip("statsmodels")
    cells, names = cells_of(name), {}
    for heading in ("imports", *headings):
        code = cells[heading]
        for slow, quick in QUICK.items():
            code = code.replace(slow, quick)
        exec(compile(code, name, "exec"), names)
    return names


@pytest.mark.parametrize("name", ["plot_affairs_pandas.py", "plot_votes_polars.py"])
def test_a_raw_table_takes_less_than_25_lines(name):
    cells = cells_of(name)
    code = cells["The table"] + cells["The model"]
    lines = [x for x in code.splitlines() if x.strip() and not x.startswith("#")]
    shown = [x for x in lines if not x.startswith("print(")]
    assert len(shown) < 25, shown


def test_affairs_from_pandas(capsys):
    names = run_cells("plot_affairs_pandas.py", "The table", "The model")
    model, table, y = names["model"], names["table"], names["y"]
    assert isinstance(table, pd.DataFrame)
    assert set(model[-1].group_names_) == set(table.columns)
    assert "rate_marriage" in model[-1].selected_groups_
    assert "occupation_husb" not in model[-1].selected_groups_
    assert "Columns that matter: rate_marriage" in capsys.readouterr().out
    # A level that only one fold has changes the features, not the groups.
    rare = table.assign(occupation=np.where(table.index == 0, "rare", "common"))
    prepare = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["occupation"]),
        remainder="passthrough",
    )
    lasso = skstruct.GroupLassoClassifier(0.01, standardize="groups")
    pipeline = skstruct.make_grouped_pipeline(prepare, lasso)
    rare = rare.drop(columns="occupation_husb")
    assert np.isfinite(cross_val_score(pipeline, rare, y, cv=3)).all()


def test_votes_from_polars(capsys):
    names = run_cells(
        "plot_votes_polars.py", "The table", "The model", "How sure is that?"
    )
    model, table = names["model"], names["table"]
    assert isinstance(table, pl.DataFrame)
    assert set(model[-1].group_names_) == set(table.columns)
    assert {"party", "selfLR"} <= set(model[-1].selected_groups_)
    assert {"educ", "age"}.isdisjoint(model[-1].selected_groups_)
    assert "party" in names["selector"].selected_groups_
    assert names["selector"].n_selected_ <= 4
    assert "expected to be no better than chance" in capsys.readouterr().out
    kept = names["stable"].get_feature_names_out()
    assert kept[0].startswith("splinetransformer__selfLR_sp_")
    assert names["stable"].transform(table).shape == (944, len(kept))
