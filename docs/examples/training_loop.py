#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Train a small liquid state machine and keep its history.

    training_loop.py MOUNT [STEPS]

Every 100 steps the network is saved as a snapshot, its score as performance
metrics and its progress as a learning event.  Afterwards the snapshots are
followed through time, and the last one is restored.
"""

import json
import os
import sys
import time

import numpy as np

NEURONS = 60
INTERVAL = 100  # steps


def save_json(path, **fields):
    with open(path, "w") as file:
        json.dump(fields, file)


class Network:
    def __init__(self, rng):
        self.rng = rng
        self.adjacency = (rng.random((NEURONS, NEURONS)) < 0.1).astype("i1")
        self.weights = rng.normal(0, 0.1, (NEURONS, NEURONS))
        self.states = np.zeros(NEURONS)

    def step(self):
        drive = self.rng.normal(0, 1, NEURONS)
        self.states = np.tanh(self.weights @ self.states + drive)
        self.weights += 1e-3 * np.outer(self.states, self.states)
        self.weights *= 0.999
        return float(1 - np.abs(self.weights).mean())

    def arrays(self):
        return {"adjacency": self.adjacency, "weights": self.weights,
                "states": self.states}


def save_snapshot(mount, network, step, start):
    """A directory of the three arrays; its date and its step."""
    path = os.path.join(mount, "network_states", f"snapshot_{step:06}")
    os.mkdir(path)
    for name, array in network.arrays().items():
        np.save(os.path.join(path, name + ".npy"), array)
    save_json(os.path.join(path, "metadata.json"), timestamp=start + step,
              metadata={"step_count": step,
                        "network_type": "liquid_state_machine"})


def save_progress(mount, step, score, before, start):
    save_json(os.path.join(mount, "learning_traces", "performance",
                           f"training_{step:06}.json"),
              timestamp=start + step, task_type="training",
              metrics={"score": score, "step": float(step)})
    # The database gives the event its number.
    save_json(os.path.join(mount, "learning_events", f"training_{step}.json"),
              timestamp=start + step, task_type="training",
              performance_delta=score - before, strategy_used="hebbian",
              parameters={"rate": 1e-3, "decay": 0.999})


def snapshots_between(mount, first, last):
    """Their paths, oldest first."""
    view = os.path.join(mount, "views", "network_states", "between",
                        f"{first},{last}")
    return [os.path.join(view, name) for name in reversed(os.listdir(view))]


def restore(path):
    network = Network(np.random.default_rng(0))
    network.adjacency = np.load(os.path.join(path, "adjacency.npy"))
    network.weights = np.load(os.path.join(path, "weights.npy"))
    network.states = np.load(os.path.join(path, "states.npy"))
    with open(os.path.join(path, "metadata.json")) as file:
        return network, json.load(file)["metadata"]["step_count"]


def main(mount, steps=500):
    network = Network(np.random.default_rng(1))
    start = float(int(time.time()))
    before = 0.0
    for step in range(1, steps + 1):
        score = network.step()
        if step % INTERVAL == 0:
            save_snapshot(mount, network, step, start)
            save_progress(mount, step, score, before, start)
            before = score

    paths = snapshots_between(mount, start + INTERVAL, start + steps)
    print(f"saved {len(paths)} snapshots")
    for path in paths:
        # One array of each; the others are not read.
        weights = np.load(os.path.join(path, "weights.npy"), mmap_mode="r")
        print(f"  {os.path.basename(path)}: mean weight "
              f"{weights.mean():+.5f}")

    again, step = restore(paths[-1])
    same = all(np.array_equal(array, again.arrays()[name])
               for name, array in network.arrays().items())
    print(f"restored step {step}: {'the same' if same else 'not the same'}")
    with open(os.path.join(mount, "views", "learning_events",
                           "best_strategies", "training.json")) as file:
        for strategy, mean, count in json.load(file):
            print(f"{strategy}: {mean:+.3f} on average in {count} events")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(sys.argv[1], *map(int, sys.argv[2:]))
