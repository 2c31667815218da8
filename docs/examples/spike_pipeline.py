#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Process a stream of spikes in batches.

    spike_pipeline.py MOUNT [BATCHES]

Each batch is in spike_cache for others to look at (five minutes), then a
spike train for good; what was found in it is saved as performance metrics.
Last comes all of it as one packed train.
"""

import json
import os
import sys
import time

import numpy as np

BATCH_SIZE = 1000
NEURONS = 100


def save_json(path, **fields):
    with open(path, "w") as file:
        json.dump(fields, file)


def spike_batches(rng, count, start):
    """Times, neurons and amplitudes of BATCH_SIZE spikes at a time."""
    for number in range(count):
        times = np.sort(start + number + rng.random(BATCH_SIZE))
        yield (times, rng.integers(0, NEURONS, BATCH_SIZE),
               rng.normal(1.0, 0.2, BATCH_SIZE))


def cache(mount, times, neurons):
    """As a matrix of milliseconds by neurons, named for its first spike."""
    counts = np.zeros((1000, NEURONS), dtype="u1")
    np.add.at(counts, (((times - times[0]) * 1000).astype(int), neurons), 1)
    path = os.path.join(mount, "spike_cache", f"{float(times[0])!r}")
    np.save(path + ".npy", counts)
    save_json(path + ".json", neuron_ids=list(range(NEURONS)))


def store(mount, number, times, neurons, amplitudes):
    path = os.path.join(mount, "spike_trains", f"train_{number:04}")
    os.mkdir(path)
    np.save(os.path.join(path, "spike_times.npy"), times)
    np.save(os.path.join(path, "neuron_ids.npy"), neurons)
    np.save(os.path.join(path, "spike_amplitudes.npy"), amplitudes)
    save_json(os.path.join(path, "metadata.json"), timestamp=float(times[0]),
              metadata={"batch_size": BATCH_SIZE, "processing_version": "1.0"})


def analyse(times, neurons):
    rates = np.bincount(neurons, minlength=NEURONS)
    gaps = np.diff(times)
    return {"pattern_count": float((rates > 2 * rates.mean()).sum()),
            "synchrony_index": float(gaps.std() / gaps.mean()),
            "burst_rate": float((gaps < 1e-4).mean())}


def pack(mount, trains):
    """All spikes in 8 bytes each, instead of 24."""
    start = trains[0][0][0]
    packed = np.concatenate([
        np.stack([((times - start) * 1e6).astype("u4"),
                  neurons.astype("u4")], axis=1)
        for times, neurons, _ in trains])
    path = os.path.join(mount, "spike_trains",
                        f"compressed_{int(start * 1000)}")
    np.save(path + ".npy", packed)
    save_json(path + ".json", timestamp=float(start),
              original_shape=[len(packed), 3], compression_ratio=3.0,
              compression_params={"algorithm": "microseconds",
                                  "compression_ratio": 3.0})
    return os.path.basename(path), len(packed)


def main(mount, batches=5):
    rng = np.random.default_rng(7)
    start = float(int(time.time()))
    trains = []
    for number, spikes in enumerate(spike_batches(rng, batches, start)):
        times, neurons, _ = spikes
        cache(mount, times, neurons)
        store(mount, number, *spikes)
        metrics = analyse(times, neurons)
        save_json(os.path.join(mount, "learning_traces", "performance",
                               f"spikes_{number:04}.json"),
                  timestamp=float(times[0]), task_type="spike_analysis",
                  metrics=metrics)
        trains.append(spikes)
        print(f"train_{number:04}: {len(times)} spikes, synchrony "
              f"{metrics['synchrony_index']:.2f}")
    print("packed as {}: {} spikes".format(*pack(mount, trains)))
    recent = os.listdir(os.path.join(mount, "views", "spike_cache", "recent",
                                     "300"))
    print(f"{len(recent)} batches in the cache")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(sys.argv[1], *map(int, sys.argv[2:]))
