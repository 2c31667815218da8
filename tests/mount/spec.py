# SPDX-License-Identifier: MIT
"""What the Python classes do with an HDF5 file: their store_* and retrieve_*
logic, for the collections that are mounted."""

import time

import h5py
import numpy as np

FILTERS = {"compression": "gzip", "compression_opts": 6, "shuffle": True,
           "fletcher32": True}


def open_file(path, mode):
    """The file, as soon as nobody has it open who must not: engramfs lets go
    of it a moment after the last request."""
    for _ in range(200):
        try:
            return h5py.File(path, mode)
        except BlockingIOError:
            time.sleep(0.01)
    return h5py.File(path, mode)


def chunks_of(array):
    return tuple(min(1024, size) for size in array.shape)


def store_array(group, name, array):
    return group.create_dataset(name, data=array, chunks=chunks_of(array),
                                **FILTERS)


def store_network_snapshot(file_path, key, timestamp, arrays, metadata):
    with open_file(file_path, "a") as file:
        for place, name in (("topology", "adjacency"), ("weights", "weights"),
                            ("neuron_states", "states")):
            group = file.create_group(f"network_states/{place}/{key}")
            store_array(group, name, arrays[name])
            group.attrs["timestamp"] = timestamp
            group.attrs["shape"] = arrays[name].shape
        for name, value in metadata.items():
            file[f"network_states/topology/{key}"].attrs[
                f"meta_{name}"] = value


def metadata_of(item, prefix="meta_"):
    return {name[len(prefix):]: value for name, value in item.attrs.items()
            if name.startswith(prefix)}


def retrieve_network_snapshot(file_path, key):
    with open_file(file_path, "r") as file:
        topology = file[f"network_states/topology/{key}"]
        arrays = {
            "adjacency": topology["adjacency"][()],
            "weights": file[f"network_states/weights/{key}/weights"][()],
            "states": file[f"network_states/neuron_states/{key}/states"][()],
        }
        return topology.attrs["timestamp"], arrays, metadata_of(topology)


def store_spike_train(file_path, key, timestamp, arrays, metadata):
    with open_file(file_path, "a") as file:
        group = file.create_group(f"spike_trains/raw_data/{key}")
        for name, array in arrays.items():
            store_array(group, name, array)
        group.attrs["timestamp"] = timestamp
        group.attrs["num_spikes"] = len(arrays["spike_times"])
        group.attrs["num_neurons"] = len(np.unique(arrays["neuron_ids"]))
        for name, value in metadata.items():
            group.attrs[f"meta_{name}"] = value


def retrieve_spike_train(file_path, key):
    with open_file(file_path, "r") as file:
        group = file[f"spike_trains/raw_data/{key}"]
        arrays = {name: group[name][()] for name in
                  ("spike_times", "neuron_ids", "spike_amplitudes")
                  if name in group}
        attributes = {name: group.attrs[name] for name in
                      ("timestamp", "num_spikes", "num_neurons")}
        return attributes, arrays, metadata_of(group)


def store_compressed_spike_train(file_path, key, timestamp, data, parameters):
    with open_file(file_path, "a") as file:
        dataset = store_array(file["spike_trains/compressed"], key, data)
        dataset.attrs["timestamp"] = timestamp
        dataset.attrs["original_shape"] = parameters["original_shape"]
        dataset.attrs["compression_ratio"] = parameters["compression_ratio"]
        for name in ("compression_ratio", "algorithm"):
            dataset.attrs[f"param_{name}"] = parameters[name]


def retrieve_compressed_spike_train(file_path, key):
    with open_file(file_path, "r") as file:
        dataset = file[f"spike_trains/compressed/{key}"]
        return dataset[()], dict(dataset.attrs), metadata_of(dataset, "param_")


# A data set with the fields of its record: the place of each collection.
PLACES = {"reservoir_states": "activations/reservoir_states",
          "attention_maps": "activations/attention_maps",
          "plasticity": "learning_traces/plasticity",
          "homeostatic": "learning_traces/homeostatic"}


def derived_attributes(collection, array):
    """What the classes compute of an array that they store."""
    return {
        "reservoir_states": lambda: {"shape": array.shape},
        "attention_maps": lambda: {"shape": array.shape},
        "plasticity": lambda: {"mean_change": np.mean(array),
                               "std_change": np.std(array),
                               "num_synapses": array.size},
        "homeostatic": lambda: {"num_neurons": len(array)},
    }[collection]()


def store_one(file_path, collection, key, array, attributes):
    with open_file(file_path, "a") as file:
        dataset = store_array(file[PLACES[collection]], key, array)
        for name, value in {**derived_attributes(collection, array),
                            **attributes}.items():
            dataset.attrs[name] = value


def retrieve_one(file_path, collection, key):
    with open_file(file_path, "r") as file:
        dataset = file[f"{PLACES[collection]}/{key}"]
        return dataset[()], dict(dataset.attrs)


def store_layer_outputs(file_path, key, timestamp, outputs):
    with open_file(file_path, "a") as file:
        group = file.create_group(f"activations/layer_outputs/{key}")
        for name, array in outputs.items():
            store_array(group, name, array)
        group.attrs["timestamp"] = timestamp
        group.attrs["num_layers"] = len(outputs)


def retrieve_layer_outputs(file_path, key):
    with open_file(file_path, "r") as file:
        group = file[f"activations/layer_outputs/{key}"]
        outputs = {name: group[name][:] for name in group.keys()}
        return outputs, group.attrs["timestamp"], group.attrs["num_layers"]


def store_performance_metrics(file_path, key, timestamp, metrics,
                              task_type="general"):
    with open_file(file_path, "a") as file:
        group = file.create_group(f"learning_traces/performance/{key}")
        group.create_dataset("values", data=list(metrics.values()))
        group.attrs["timestamp"] = timestamp
        group.attrs["task_type"] = task_type
        group.attrs["metric_names"] = list(metrics)


def retrieve_performance_metrics(file_path, key):
    with open_file(file_path, "r") as file:
        group = file[f"learning_traces/performance/{key}"]
        names = [name.decode() if isinstance(name, bytes) else name
                 for name in group.attrs["metric_names"]]
        return (dict(zip(names, group["values"][:].tolist())),
                group.attrs["timestamp"], group.attrs["task_type"])
