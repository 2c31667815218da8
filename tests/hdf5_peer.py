# SPDX-License-Identifier: MIT
"""The other program at the HDF5 file: h5py with the spec's retrieve_* logic.

    hdf5_peer.py COMMAND FILE [ARGUMENT...]

Exit status 0: as expected; else the reason is on standard error.
"""
import json
import os
import sys
import time

import h5py
import numpy as np


def plain(value):
    """An attribute as Python's JSON would have it."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def retrieve_network_snapshot(f, key):
    topology = f["network_states/topology"][key]
    return {
        "timestamp": topology.attrs["timestamp"],
        "adjacency": topology["adjacency"][()],
        "weights": f["network_states/weights"][key]["weights"][()],
        "states": f["network_states/neuron_states"][key]["states"][()],
        "metadata": {name[5:]: plain(value)
                     for name, value in topology.attrs.items()
                     if name.startswith("meta_")},
    }


def retrieve_spike_train(f, key):
    group = f["spike_trains/raw_data"][key]
    return {
        "timestamp": group.attrs["timestamp"],
        "num_spikes": group.attrs["num_spikes"],
        "num_neurons": group.attrs["num_neurons"],
        "spike_times": group["spike_times"][:],
        "neuron_ids": group["neuron_ids"][:],
        "spike_amplitudes": (group["spike_amplitudes"][:]
                             if "spike_amplitudes" in group else None),
        "metadata": {name[5:]: plain(value)
                     for name, value in group.attrs.items()
                     if name.startswith("meta_")},
    }


def load(path):
    with open(path) as f:
        return json.load(f)


def same_array(path, value):
    loaded = np.load(path)
    value = np.asarray(value)
    assert loaded.dtype == value.dtype, (path, loaded.dtype, value.dtype)
    assert loaded.shape == value.shape, (path, loaded.shape, value.shape)
    assert loaded.tobytes() == value.tobytes(), path


def compare(path, out):
    """What the C test exported to OUT is what h5py reads."""
    with h5py.File(path, "r") as f:
        compare_snapshots(f, out + "/network_states")
        compare_trains(f, out + "/spike_trains")


def compare_snapshots(f, out):
    keys = sorted(f["network_states/topology"])
    found = sorted(name for name in os.listdir(out))
    assert keys == found, (keys, found)
    for key in keys:
        snapshot = retrieve_network_snapshot(f, key)
        for name in ("adjacency", "weights", "states"):
            same_array(f"{out}/{key}/{name}.npy", snapshot[name])
        fields = load(f"{out}/{key}/fields.json")
        assert fields == {"timestamp": snapshot["timestamp"],
                          "metadata": snapshot["metadata"]}, fields


def compare_trains(f, out):
    raw = sorted(f["spike_trains/raw_data"])
    packed = sorted(f["spike_trains/compressed"])
    found = sorted(os.listdir(out))
    assert sorted(raw + packed) == found, found
    for key in raw:
        train = retrieve_spike_train(f, key)
        for name in ("spike_times", "neuron_ids", "spike_amplitudes"):
            if train[name] is None:
                assert not os.path.exists(f"{out}/{key}/{name}.npy")
            else:
                same_array(f"{out}/{key}/{name}.npy", train[name])
        fields = load(f"{out}/{key}/fields.json")
        for name in ("timestamp", "num_spikes", "num_neurons", "metadata"):
            assert fields[name] == train[name], (key, name, fields)
    for key in packed:
        dataset = f["spike_trains/compressed"][key]
        same_array(f"{out}/{key}/.npy", dataset[:])
        fields = load(f"{out}/{key}/fields.json")
        params = {name[6:]: plain(value)
                  for name, value in dataset.attrs.items()
                  if name.startswith("param_")}
        for name in ("timestamp", "original_shape", "compression_ratio"):
            assert fields[name] == plain(dataset.attrs[name]), name
        assert fields["compression_params"] == params, fields


def plain_samples():
    """Arrays that h5py must read as the same type and values."""
    random = np.random.default_rng(7)
    bits = random.bytes(4096)
    for code in ("?", "i1", "u1", "<i2", ">u2", "<i4", ">i4", "<u8", ">i8",
                 "<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "<c8", ">c8",
                 "<c16", ">c16", "S5", "S1", "V7", "<f16", "<c32",
                 "<M8[ns]", ">M8[s]", "<m8[25us]", "<U3", ">U4"):
        dtype = np.dtype(code)
        if dtype.kind in "?b":
            flat = np.frombuffer(bits, "u1")[:24] % 2 == 1
        elif dtype.kind in "fc":
            flat = random.normal(size=24).astype(dtype)
        elif dtype.kind == "U":
            flat = np.array(list("abcdefghijklmnopqrstuvwx"), dtype)
        else:
            flat = np.frombuffer(bits[:24 * dtype.itemsize], dtype)
        yield dtype.str[1:] + "_" + dtype.str[0].replace("|", "n"), flat.reshape(4, 6)
    yield "record", np.zeros(5, [("a", "<i4"), ("b", ">f8", (2, 3)),
                                 ("c", [("x", "?"), ("s", "S3")])])
    aligned = np.zeros(3, np.dtype([("a", "i1"), ("b", "f8"), ("c", "i1")],
                                   align=True))
    aligned["b"] = [1, 2, 3]
    yield "aligned", aligned
    yield "fortran", np.asfortranarray(random.normal(size=(5, 7, 3)))
    yield "fortran_large", np.asfortranarray(random.normal(size=(700, 900)))
    yield "rows", random.normal(size=(900, 700))
    yield "scalar", np.array(2.5)
    yield "empty", np.zeros((0, 3))
    yield "hollow", np.zeros((3, 0, 2))
    yield "deep", np.arange(4.0).reshape((1,) * 30 + (2, 2))


def bare_samples():
    """Arrays for which HDF5 has no type: h5py reads something else."""
    yield "no_bytes", np.zeros(4, "S0")
    yield "no_text", np.zeros((2, 2), "U0")
    yield "titles", np.zeros(3, np.dtype([(("title", "a"), "i4")]))
    yield "part_empty", np.zeros(3, [("a", "S0"), ("b", "f4")])


def make_samples(out):
    for maker, prefix in ((plain_samples, "p_"), (bare_samples, "b_")):
        for name, array in maker():
            with open(f"{out}/{prefix}{name}.npy", "wb") as f:
                np.lib.format.write_array(f, array, allow_pickle=False)


def dtype_has_padding(dtype):
    """longdouble has 10 bytes that count in its 16; h5py minds no others."""
    return dtype.kind in "fc" and dtype.itemsize in (16, 32) \
        and dtype.str[1:] in ("f16", "c32")


def check_samples(path):
    with h5py.File(path, "r") as f:
        for name, array in plain_samples():
            stored = f["network_states/weights"]["p_" + name]
            value = stored["weights"][()]
            value = np.asarray(value)
            assert value.shape == array.shape, (name, value.shape)
            assert value.dtype == array.dtype, (name, value.dtype)
            if dtype_has_padding(array.dtype):
                assert (value == array).all(), name
            else:
                assert value.tobytes() == array.tobytes(), name
            assert list(stored.attrs["shape"]) == list(array.shape), name
            assert stored.attrs["timestamp"].dtype == "<f8"
        for name, array in bare_samples():
            stored = f["network_states/weights"]["b_" + name]["weights"]
            assert stored.shape == array.shape, (name, stored.shape)


def check_new_file(path):
    with h5py.File(path, "r") as f:
        assert f.attrs["version"] == "1.0"
        assert f.attrs["compression"] == "gzip"
        assert f.attrs["chunk_size"] == 1024
        assert isinstance(f.attrs["chunk_size"], np.int64)
        assert abs(f.attrs["created_at"] - time.time()) < 3600
        for group, members in (
                ("network_states", "neuron_states topology weights"),
                ("spike_trains", "compressed metadata raw_data"),
                ("activations", "attention_maps layer_outputs "
                                "reservoir_states"),
                ("learning_traces", "homeostatic performance plasticity")):
            assert sorted(f[group]) == members.split(), group


def check_snapshot(path, key):
    """What the C test stored as one snapshot."""
    with h5py.File(path, "r") as f:
        found = retrieve_network_snapshot(f, key)
        assert found["timestamp"] == 1730000000.25
        for name in ("adjacency", "weights", "states"):
            assert (found[name] == np.arange(12.0).reshape(3, 4)).all()
        attrs = f["network_states/topology"][key].attrs
        assert attrs["meta_flag"].dtype == bool and attrs["meta_flag"]
        assert attrs["meta_number"] == 7
        assert attrs["meta_number"].dtype == "<i8"
        assert attrs["meta_real"].dtype == "<f8"
        assert attrs["meta_text"] == "gr\u00fcn"
        assert json.loads(attrs["meta_list"]) == [1, None, {"a": "b"}]
        assert json.loads(attrs["meta_none"]) is None
        dataset = f["network_states/weights"][key]["weights"]
        plist = dataset.id.get_create_plist()
        names = [plist.get_filter(i)[3] for i in range(plist.get_nfilters())]
        assert names == [b"shuffle", b"deflate", b"fletcher32"], names
        assert plist.get_filter(1)[2] == (6,)
        assert dataset.maxshape == (None, 4)


def check_train(path, key):
    with h5py.File(path, "r") as f:
        train = retrieve_spike_train(f, key)
        assert train["num_spikes"] == 12 and train["num_neurons"] == 12
        assert train["num_spikes"].dtype == "<i8"


def check_filter(path, key, *ids):
    with h5py.File(path, "r") as f:
        plist = f["network_states/weights"][key]["weights"].id \
            .get_create_plist()
        found = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
        assert found == [int(i) for i in ids], found


def open_within(path, seconds):
    """Another program can open the file for writing soon."""
    end = time.monotonic() + float(seconds)
    while True:
        try:
            h5py.File(path, "r+").close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def hold(path, seconds, ready):
    with h5py.File(path, "r+"):
        open(ready, "w").close()
        time.sleep(float(seconds))


def odd_attributes(path, key):
    with h5py.File(path, "r+") as f:
        attrs = f["network_states/topology"][key].attrs
        attrs["meta_small"] = np.int16(3)
        attrs["meta_array"] = np.array([[1, 2], [3, 4]], "u1")
        attrs["meta_fixed"] = np.bytes_(b"fixed")
        attrs["meta_big"] = np.uint64(2 ** 63)
        attrs["unknown"] = np.float32(1.5)


def check_odd_attributes(path, key):
    with h5py.File(path, "r") as f:
        attrs = f["network_states/topology"][key].attrs
        assert attrs["meta_small"].dtype == "int16"
        assert attrs["meta_array"].dtype == "uint8"
        assert attrs["meta_fixed"].dtype.kind == "S"
        assert attrs["meta_added"] == 1
        assert attrs["unknown"].dtype == "float32"


def change(path, key):
    with h5py.File(path, "r+") as f:
        topology = f["network_states/topology"][key]
        topology.attrs["timestamp"] = 1740000000.5
        topology.attrs["meta_text"] = "changed"
        del f["network_states/weights"][key]["weights"]
        f["network_states/weights"][key]["weights"] = np.full((2, 2), 9.0)
        f.create_group("network_states/topology/by_h5py") \
            .attrs["timestamp"] = 1.0


def make_large(path):
    """A data set of 512 MiB, a few chunks of which are stored."""
    with h5py.File(path, "r+") as f:
        group = f.create_group("network_states/topology/large")
        group.attrs["timestamp"] = 1.0
        dataset = group.create_dataset(
            "adjacency", (8192, 8192), "f8", chunks=(1024, 1024),
            maxshape=(None, 8192), compression="gzip", compression_opts=1,
            shuffle=True, fletcher32=True)
        for i in range(8):
            dataset[i * 1024, :] = np.arange(8192.0) + i


def make_wide(path, filter_id):
    """A row-major and a column-major array of 3000 rows (columns) of 20000
    doubles.  A chunk is stored as its number, and a filter that only the C
    test has makes 1024 x 1024 doubles of it."""
    with h5py.File(path, "r+") as f:
        for key, shape in (("rows", (3000, 20000)), ("columns", (20000, 3000))):
            group = f.create_group("network_states/topology/" + key)
            group.attrs["timestamp"] = 1.0
            plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plist.set_chunk((1024, 1024))
            plist.set_filter(int(filter_id), h5py.h5z.FLAG_OPTIONAL, ())
            data = h5py.h5d.create(group.id, b"adjacency",
                                   h5py.h5t.IEEE_F64LE,
                                   h5py.h5s.create_simple(shape), plist)
            for row in range(0, shape[0], 1024):
                for column in range(0, shape[1], 1024):
                    number = row // 1024 * 100 + column // 1024
                    data.write_direct_chunk(
                        (row, column), np.uint64(number).tobytes())
        group["adjacency"].attrs["engramfs_fortran"] = [1]


def change_wide(path, number):
    with h5py.File(path, "r+") as f:
        f["network_states/topology/rows/adjacency"].id.write_direct_chunk(
            (0, 0), np.uint64(number).tobytes())


def make_links(path, outside):
    with h5py.File(outside, "w") as f:
        f.create_group("g").attrs["timestamp"] = 1.0
        f["d"] = np.arange(3)
    np.arange(6.0).tofile(outside + ".raw")
    with h5py.File(path, "r+") as f:
        topology = f["network_states/topology"]
        topology["external"] = h5py.ExternalLink(outside, "/g")
        topology["dangling"] = h5py.SoftLink("/nowhere")
        topology["soft"] = h5py.SoftLink("/network_states/topology/external")
        group = topology.create_group("inside")
        group.attrs["timestamp"] = 1.0
        group["adjacency"] = h5py.ExternalLink(outside, "/d")
        group = f["network_states/weights"].create_group("inside")
        group.create_dataset("weights", (6,), "f8",
                             external=[(outside + ".raw", 0, 48)])
        layout = h5py.VirtualLayout((3,), "i8")
        layout[:] = h5py.VirtualSource(outside, "d", (3,))
        group = f["network_states/neuron_states"].create_group("inside")
        group.create_virtual_dataset("states", layout)


def make_foreign(path):
    """Types that other programs write."""
    with h5py.File(path, "r+") as f:
        def add(key, **kind):
            group = f.create_group("network_states/topology/" + key)
            group.attrs["timestamp"] = 1.0
            group.create_dataset("adjacency", **kind)
        colour = h5py.enum_dtype({"RED": 0, "BLUE": 7}, basetype="u2")
        add("enum", data=np.array([0, 7], "u2"), dtype=colour)
        add("varlen", data=["a", "bc"], dtype=h5py.string_dtype())
        add("reference", data=[f.ref], dtype=h5py.ref_dtype)
        add("null", data=h5py.Empty("f8"))
        add("subarray", shape=(2,), dtype=np.dtype(("<i4", (3,))))


def read_all(path, directory):
    """Every file in directory opens, and every data set in it reads."""
    for name in os.listdir(directory):
        if name.endswith(".h5"):
            with h5py.File(os.path.join(directory, name), "r") as f:
                f.visititems(lambda name, item: isinstance(item, h5py.Dataset)
                             and item[()])


COMMANDS = [compare, check_samples, check_new_file, check_snapshot,
            check_train, check_filter, open_within, hold, odd_attributes,
            check_odd_attributes, change, make_samples, make_large,
            make_wide, change_wide, make_links, make_foreign, read_all]

if __name__ == "__main__":
    {command.__name__: command for command in COMMANDS}[sys.argv[1]](
        *sys.argv[2:])
