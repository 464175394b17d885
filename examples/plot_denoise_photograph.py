"""
=========================================
Denoising a photograph by groups of atoms
=========================================

A patch of a photograph is a sum of few atoms. In a colour photograph its red, green
and blue parts are mostly sums of the same ones: an edge is in all three. Group lasso
codes, one group for each atom in its three colours, know that; lasso codes of the same
dictionary do not. The strength of each penalty is chosen on one region of the
photograph, and both are judged by another, neither of which the dictionary has seen.
"""

# %%
# Noise is added to a photograph.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image
from sklearn.feature_extraction.image import (
    extract_patches_2d,
    reconstruct_from_patches_2d,
)

from skstruct import GroupSparseCoder, MiniBatchStructuredDictionaryLearning

SIGMA, SIZE = 0.1, 8
photograph = load_sample_image("china.jpg") / 255
noise = np.random.default_rng(0).normal(scale=SIGMA, size=photograph.shape)
noisy = photograph + noise
validation = slice(230, 294), slice(330, 394)
test = slice(170, 298), slice(460, 588)


def centred(image, **kwargs):
    """Return patches by colour, (n, 3, 64), and their means."""
    patches = extract_patches_2d(image, (SIZE, SIZE), **kwargs)
    patches = patches.reshape(-1, SIZE * SIZE, 3).transpose(0, 2, 1)
    means = patches.mean(axis=2, keepdims=True)
    return patches - means, means


def psnr(image, region):
    """Return the peak signal-to-noise ratio in decibels."""
    return -10 * np.log10(np.mean((image - photograph[region]) ** 2))


# %%
# Atoms are learnt from single colours of noisy patches, and used for each colour.
signals, _ = centred(noisy[:, :320], max_patches=5000, random_state=0)
learner = MiniBatchStructuredDictionaryLearning(
    64, alpha=1.2 * SIGMA, max_iter=3, tol=0, max_no_improvement=None, random_state=0
)
atoms = learner.fit(signals.reshape(-1, SIZE * SIZE)).components_
dictionary = np.kron(np.eye(3), atoms)
colour_groups = np.tile(np.arange(len(atoms)), 3)


def denoise(algorithm, alpha, region):
    """Code all patches of a region, and average what they say about each pixel."""
    patches, means = centred(noisy[region])
    coder = GroupSparseCoder(
        dictionary, algorithm=algorithm, groups=colour_groups, alpha=alpha, tol=1e-3
    )
    codes = coder.fit_transform(patches.reshape(len(patches), -1))
    clean = coder.inverse_transform(codes).reshape(patches.shape) + means
    clean = clean.transpose(0, 2, 1).reshape(-1, SIZE, SIZE, 3)
    return reconstruct_from_patches_2d(clean, noisy[region].shape)


# %%
# The strength of each penalty is chosen on the validation region. (The group lasso
# multiplies its own by the square root of 3, the size of a group.)
best = {}
for algorithm in ("lasso", "group_lasso"):
    scores = {
        alpha: psnr(denoise(algorithm, alpha, validation), validation)
        for alpha in SIGMA * np.array([0.5, 0.7, 1.0, 1.4, 2.0])
    }
    best[algorithm] = max(scores, key=scores.get)
    print(f"{algorithm}: alpha {best[algorithm]:.2f} of", end=" ")
    print(", ".join(f"{alpha:.2f} ({s:.2f} dB)" for alpha, s in scores.items()))

# %%
# The other region says how good they are.
images = {"noisy": noisy[test]}
images |= {name: denoise(name, alpha, test) for name, alpha in best.items()}
for name, image in images.items():
    print(f"{name}: {psnr(image, test):.2f} dB")
fig, axes = plt.subplots(1, 4, figsize=(13, 3.8), layout="constrained")
axes[0].imshow(photograph[test])
axes[0].set_title("photograph")
for ax, (name, image) in zip(axes[1:], images.items(), strict=True):
    ax.imshow(image.clip(0, 1))
    ax.set_title(f"{name}: {psnr(image, test):.2f} dB")
for ax in axes:
    ax.set_axis_off()
plt.show()
