#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What Python's own sqlite3, pickle, json and numpy say of a database.

    sqlite_truth.py COMMAND DATABASE [ARGUMENT...]

Exit status 0: all is as it should be; else the difference is on stderr.
"""
import base64
import io
import json
import math
import os
import pickle
import sqlite3
import sys

import numpy as np

COLUMNS = {
    'episodes': ['id', 'timestamp', 'performance_score', 'context_hash',
                 'created_at'],
    'concepts': ['id', 'creation_time', 'access_count', 'last_accessed'],
}
BLOBS = {'episodes': 'experience_data', 'concepts': 'embedding'}


def connect(path):
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    return connection


def load(blob):
    """A stored blob as a value."""
    if blob.startswith(b'\x93NUMPY'):
        return np.load(io.BytesIO(blob), allow_pickle=False)
    if blob.startswith(b'\x80'):
        return pickle.loads(blob)
    return json.loads(blob) if blob else None


def shown(value, path, arrays):
    """VALUE as the fields show it; ARRAYS gets its arrays by path."""
    below = lambda name: f'{path}/{name}' if path else str(name)
    if isinstance(value, np.ndarray):
        arrays[path] = value
        return {'$npy': path}
    if isinstance(value, dict):
        return {k: shown(v, below(k), arrays) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(v, below(i), arrays) for i, v in enumerate(value)]
    if isinstance(value, bytes):
        return {'$bytes': base64.b64encode(value).decode()}
    if isinstance(value, (set, frozenset)):
        return {'$set': list(value)}
    return value


def same_array(a, b):
    return (a.dtype == b.dtype and a.shape == b.shape
            and a.flags.f_contiguous == b.flags.f_contiguous
            and a.tobytes() == b.tobytes())


def expected(table, row):
    """Fields and arrays of a row."""
    fields = {name: row[name] for name in COLUMNS[table]}
    fields['metadata'] = json.loads(row['metadata'])
    arrays = {}
    value = shown(load(row[BLOBS[table]]), '', arrays)
    if table == 'episodes':
        fields['experience_data'] = value
    return fields, arrays


def dumped(directory, table, key):
    """Fields and arrays of a record that was dumped."""
    place = os.path.join(directory, table, key.encode().hex())
    with open(os.path.join(place, 'fields'), encoding='utf-8') as file:
        fields = json.load(file)
    arrays = {}
    for name in os.listdir(place):
        if name.endswith('.npy'):
            path = bytes.fromhex(name[1:-4]).decode()
            arrays[path] = np.load(os.path.join(place, name))
    return fields, arrays


def compare(database, directory):
    """Every row is what was dumped to DIRECTORY, and nothing else is."""
    connection = connect(database)
    for table, key in (('episodes', 'id'), ('concepts', 'name')):
        rows = connection.execute(f'SELECT * FROM {table}').fetchall()
        assert len(rows) == len(os.listdir(os.path.join(directory, table)))
        for row in rows:
            fields, arrays = expected(table, row)
            given, files = dumped(directory, table, str(row[key]))
            assert fields == given, (fields, given)
            assert sorted(arrays) == sorted(files), (arrays, files)
            for path, array in arrays.items():
                assert same_array(array, files[path]), (row[key], path)


def schema_of(database):
    rows = connect(database).execute(
        'SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid')
    return [[' '.join((text or '').split()) for text in row] for row in rows]


def schema(database, like):
    """The schema is that of the database LIKE."""
    ours, theirs = schema_of(database), schema_of(like)
    tidy = lambda rows: [[t.replace('( ', '(').replace(' )', ')')
                          for t in row] for row in rows]
    assert tidy(ours) == tidy(theirs), (ours, theirs)
    for row in connect(database).execute('SELECT * FROM schema_version'):
        assert tuple(row)[0] == 1 and abs(row[1] - __import__('time').time()) \
            < 60, tuple(row)


def array(database, table, key, encoding, last):
    """The blob of record KEY is 0, 1, ... LAST as float64, in ENCODING."""
    name = 'id' if table == 'episodes' else 'name'
    row = connect(database).execute(
        f'SELECT {BLOBS[table]} FROM {table} WHERE {name} = ?',
        (key,)).fetchone()
    blob = row[0]
    start = {'npy': b'\x93NUMPY', 'pickle': b'\x80',
             'zstd': b'\x28\xb5\x2f\xfd'}[encoding]
    assert blob.startswith(start), blob[:16]
    if encoding != 'zstd':
        assert same_array(load(blob), np.arange(int(last) + 1.0))


def nest(database, key, encoding):
    """Episode KEY is what the test 'nests' stored."""
    row = connect(database).execute(
        'SELECT * FROM episodes WHERE id = ?', (key,)).fetchone()
    blob = row['experience_data']
    if encoding == 'pickle':
        value = pickle.loads(blob)
        assert same_array(value.pop('observation'), np.arange(3.0)), value
    else:
        value = json.loads(blob)
        file = base64.b64decode(value.pop('observation')['$npy'])
        assert same_array(load(file), np.arange(3.0))
    assert value == {'action': 'left', 'steps': [1, 2.5, None]}, value
    assert json.loads(row['metadata']) == {'k': 'é'}
    assert row['metadata'] == '{"k": "\\u00e9"}', row['metadata']


def query(database, sql, result):
    """SQL gives RESULT, as JSON."""
    rows = [list(row) for row in connect(database).execute(sql)]
    assert rows == json.loads(result), rows


def run(database, *statements):
    connection = connect(database)
    for sql in statements:
        connection.execute(sql)
    connection.commit()


def make_class(database, key):
    """Store what is no data: a pickle of an object of a class."""
    connection = connect(database)
    connection.execute('UPDATE episodes SET experience_data = ? WHERE id = ?',
                       (pickle.dumps(math.sqrt), key))
    connection.commit()


COMMANDS = {'compare': compare, 'schema': schema, 'array': array, 'nest': nest,
            'query': query, 'run': run, 'class': make_class}
COMMANDS[sys.argv[1]](*sys.argv[2:])
