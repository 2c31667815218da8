#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Build a graph of concepts that are similar.

    concept_graph.py MOUNT [THRESHOLD]

Some concepts are stored, unless there are any; then each is linked to those
whose embeddings are nearest, with the cosine as the strength of the link.
"""

import json
import os
import sys

import numpy as np

FAMILIES = {"animal": ("cat", "dog", "horse"),
            "vehicle": ("car", "lorry", "tram"),
            "fruit": ("apple", "pear", "plum")}


def store_concepts(concepts):
    rng = np.random.default_rng(5)
    for family, names in FAMILIES.items():
        centre = rng.normal(size=128)
        for name in names:
            path = os.path.join(concepts, name)
            np.save(path + ".npy", centre + 0.3 * rng.normal(size=128))
            with open(path + ".json", "w") as file:
                json.dump({"metadata": {"category": family}}, file)


def cosine(a, b):
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def link(concepts, source, target, strength):
    """source/similar_to/target, as `ln -s` would make it, and its strength."""
    path = os.path.join(concepts, source, "similar_to", target)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if not os.path.lexists(path):
        os.symlink(f"../../{target}", path)
    with open(path + ".json", "w") as file:
        json.dump({"strength": strength}, file)


def main(mount, threshold=0.8):
    concepts = os.path.join(mount, "concepts")
    if not os.listdir(concepts):
        store_concepts(concepts)
    names = sorted(name.removesuffix(".npy") for name in os.listdir(concepts)
                   if name.endswith(".npy"))
    embeddings = {name: np.load(os.path.join(concepts, name + ".npy"))
                  for name in names}
    count = 0
    for name in names:
        near = os.path.join(mount, "views", "concepts", "near", name)
        for file in os.listdir(near):  # nearest first
            other = file.removesuffix(".npy")
            strength = cosine(embeddings[name], embeddings[other])
            if strength <= threshold:
                break
            link(concepts, name, other, strength)
            print(f"{name} -> {other}: {strength:.3f}")
            count += 1
    print(f"{count} links between {len(names)} concepts")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(sys.argv[1], *map(float, sys.argv[2:]))
