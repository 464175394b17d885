"""
=========================================
Denoising a photograph by groups of atoms
=========================================

Patches of a photograph are sparse over a dictionary that was learnt from patches. Its
atoms come in groups of four, learnt so that a patch uses few groups; and plain lasso
codes use few atoms of a dictionary learnt for them. Both learn from the noisy left
part of a photograph alone. The strength of each penalty is chosen on one held-out
region, and the peak signal-to-noise ratio is that of another.
"""

# %%
# Noise is added to a photograph, of which a part is kept aside.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image
from sklearn.feature_extraction.image import (
    extract_patches_2d,
    reconstruct_from_patches_2d,
)

from skstruct import GroupSparseCoder, MiniBatchStructuredDictionaryLearning

SIGMA, SIZE = 0.1, (8, 8)
photograph = load_sample_image("china.jpg").mean(axis=2) / 255
noise = np.random.default_rng(0).normal(scale=SIGMA, size=photograph.shape)
noisy = photograph + noise
train = noisy[:, :320]
regions = {
    "validation": (slice(150, 246), slice(330, 426)),
    "test": (slice(150, 310), slice(440, 600)),
}


def centred(image, **kwargs):
    """Return patches as rows, and their means."""
    patches = extract_patches_2d(image, SIZE, **kwargs).reshape(-1, SIZE[0] * SIZE[1])
    means = patches.mean(axis=1, keepdims=True)
    return patches - means, means


def psnr(image, region):
    """Return the peak signal-to-noise ratio in decibels."""
    return -10 * np.log10(np.mean((image - photograph[region]) ** 2))


# %%
# One dictionary for each kind of code, from the same patches.
signals, _ = centred(train, max_patches=12000, random_state=0)
kinds = {"lasso codes": 1, "group codes": 4}
learnt = {
    name: MiniBatchStructuredDictionaryLearning(
        128, groups=size, alpha=1.2 * SIGMA, max_iter=4, tol=0, random_state=0
    )
    .set_params(max_no_improvement=None)
    .fit(signals)
    .components_
    for name, size in kinds.items()
}


def denoise(name, alpha, region):
    """Code all patches of a region, and average what they say about each pixel."""
    patches, means = centred(noisy[region])
    coder = GroupSparseCoder(learnt[name], groups=kinds[name], alpha=alpha, tol=1e-3)
    codes = coder.fit_transform(patches)
    clean = (coder.inverse_transform(codes) + means).reshape(-1, *SIZE)
    return reconstruct_from_patches_2d(clean, noisy[region].shape)


# %%
# The strength of each penalty is chosen on the validation region.
best = {}
for name in kinds:
    scores = {
        alpha: psnr(denoise(name, alpha, regions["validation"]), regions["validation"])
        for alpha in SIGMA * np.array([0.6, 0.8, 1.0, 1.2, 1.5, 1.9, 2.4])
    }
    best[name] = max(scores, key=scores.get)
    print(f"{name}: alpha {best[name]:.3f}, {scores[best[name]]:.2f} dB (validation)")

# %%
# The other region says how good they are.
region = regions["test"]
images = {"noisy": noisy[region]}
images |= {name: denoise(name, best[name], region) for name in kinds}
fig, axes = plt.subplots(1, 4, figsize=(13, 3.8), layout="constrained")
axes[0].imshow(photograph[region], cmap="gray", vmin=0, vmax=1)
axes[0].set_title("photograph")
for ax, (name, image) in zip(axes[1:], images.items(), strict=True):
    ax.imshow(image, cmap="gray", vmin=0, vmax=1)
    ax.set_title(f"{name}: {psnr(image, region):.2f} dB")
for ax in axes:
    ax.set_axis_off()
plt.show()
