"""Pruned models through PyTorch's compiler, which writes C++."""

import os
import shutil

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402

from skstruct import TorchPruner  # noqa: E402
from torch_models import settled  # noqa: E402

COMPILER = os.environ.get("CXX") or "g++"  # as `torch.compile` looks for it


@pytest.mark.skipif(
    shutil.which(COMPILER) is None, reason=f"no C++ compiler: {COMPILER} is not there"
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's own modules
def test_compiled_to_machine_code_gives_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU())
    model.extend([nn.Conv2d(6, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)])
    settled(model, (1, 8, 8))
    pruner = TorchPruner(model, budget=0.5, random_state=0).fit(
        torch.randn(200, 1, 8, 8)
    )
    x = torch.randn(5, 1, 8, 8)
    small = pruner.model_.eval()
    with torch.no_grad():
        found = torch.compile(small)(x)  # by the default backend, inductor
        torch.testing.assert_close(found, small(x))
    assert list(tmp_path.rglob("*.so"))  # it was compiled
    torch._dynamo.reset()
