# SPDX-License-Identifier: MIT
"""What Python makes of the records in a Redis server.

  redis_witness.py compare SOCKET DIRECTORY [FORM]
      Every record is decoded as the Python classes do it, and compared with
      what the test has written to DIRECTORY: <key in hex>.npy and .json.
      FORM: the arrays of wm: must be stored as "pickle" or "npy".
  redis_witness.py store SOCKET KEY SEED
      Store a pattern as the Python classes do it.
"""
import io
import json
import os
import pickle
import subprocess
import sys
import zlib

import numpy
import redis

THRESHOLD = 1024
ARRAYS = {"wm": "pattern", "attention": "weights", "spikes": "spikes"}
PARSERS = {
    "timestamp": float, "cached_at": float, "sum": float,
    "metadata": json.loads, "neuron_ids": json.loads,
}


def unpack(data):
    """The bytes inside, and how they were packed."""
    if data[:4] == b"\x28\xb5\x2f\xfd":
        done = subprocess.run(["zstd", "-dcq"], input=data, check=True,
                              stdout=subprocess.PIPE)
        return done.stdout, "zstd"
    try:
        return zlib.decompress(data), "zlib"
    except zlib.error:
        return data, None


def decode(data):
    """The array, its form and its packing."""
    inside, packing = unpack(data)
    if inside.startswith(b"\x93NUMPY"):
        return numpy.load(io.BytesIO(inside)), "npy", packing
    return pickle.loads(inside), "pickle", packing


def npy(array):
    out = io.BytesIO()
    numpy.save(out, array, allow_pickle=False)
    return out.getvalue()


def expect(what, found, wanted):
    if found != wanted and not (found != found and wanted != wanted):
        sys.exit(f"{what}: {found!r:.300} is not {wanted!r:.300}")


def same_dtype(text, dtype):
    """numpy swaps what it unpickles to its own byte order, and spells padded
    structures otherwise than their header does."""
    return (text == str(dtype) or "('', 'V" in text or
            text.startswith(">") and numpy.dtype(text).newbyteorder() == dtype)


def compare_array(key, record, form, directory, shown):
    kind = key.split(b":")[0].decode()
    data = record.pop(ARRAYS[kind].encode())
    array, stored_form, packing = decode(data)
    with open(os.path.join(directory, key.hex() + ".npy"), "rb") as file:
        data_shown = file.read()
    original = os.path.join(directory, "..", "arrays", key[3:].decode())
    if os.path.exists(original):
        with open(original, "rb") as file:
            expect((key, "file"), data_shown, file.read())
    loaded = numpy.load(io.BytesIO(data_shown))
    if loaded.dtype != array.dtype and stored_form == "pickle":
        expect((key, "dtype"), same_dtype(loaded.dtype.str, array.dtype), True)
        loaded = loaded.astype(array.dtype)
    if "V" in str(loaded.dtype) or "offsets" in str(loaded.dtype):
        expect((key, "array"), loaded.tolist(), array.tolist())  # not the gaps
    else:
        expect((key, "array"), npy(loaded), npy(array))
    expect((key, "size"), shown["size"], len(data_shown))
    expect((key, "listed size"), shown["listed_size"], len(data_shown))
    expect((key, "stored shape"), record.pop(b"shape"),
           str(array.shape).encode())
    if kind != "attention":
        text = record.pop(b"dtype").decode()
        expect((key, "stored dtype", text, array.dtype),
               same_dtype(text, array.dtype), True)
    if form and kind == "wm":
        long = len(unpack(data)[0]) > THRESHOLD
        expect((key, "form"), stored_form, form)
        expect((key, "packing"), packing,
               {"pickle": "zlib", "npy": "zstd"}[form] if long else None)
    return array


def compare(server, directory, form=None):
    count = 0
    for key in server.scan_iter():
        if server.type(key) != b"hash":
            continue
        count += 1
        with open(os.path.join(directory, key.hex() + ".json")) as file:
            shown = json.load(file)
        record = server.hgetall(key)
        record.pop(b"engramfs", None)
        text = record.get(b"dtype", b"").decode()
        array = compare_array(key, record, form, directory, shown)
        fields = shown["fields"]
        expect((key, "shape"), fields.pop("shape"), list(array.shape))
        if "dtype" in fields:
            expect((key, "dtype"), fields.pop("dtype"), text)
        expect((key, "names"), sorted(fields),
               sorted(name.decode() for name in record))
        for name, text in record.items():
            name = name.decode()
            expect((key, name), fields[name], PARSERS[name](text))
        expect((key, "expiry"), shown["expires_ms"],
               server.execute_command("PEXPIRETIME", key))
    files = len(os.listdir(directory))
    expect("files", files, 2 * count)
    print(count)


def store(server, key, seed):
    pattern = numpy.arange(12.0).reshape(3, 4) + float(seed)
    data = pickle.dumps(pattern)
    if len(data) > THRESHOLD:
        data = zlib.compress(data)
    server.hset(key, mapping={
        "pattern": data, "timestamp": 1000.0 + float(seed),
        "shape": str(pattern.shape), "dtype": str(pattern.dtype),
        "metadata": json.dumps({"seed": seed})})
    server.expire(key, 3600)


def main():
    command, socket, *rest = sys.argv[1:]
    server = redis.Redis(unix_socket_path=socket)
    {"compare": compare, "store": store}[command](server, *rest)


main()
