#!/usr/bin/env python3
"""Reads a view's manifest as DataFormats/manifest.md describes it, independently of the server.

    read-manifest.py FILE

Prints one JSON object. Changes nothing. Ends with 0, with 65 when the file is damaged or newer, with
66 when it cannot be read, with 64 when misused.
"""

import importlib.util
import json
import os
import struct
import sys


def sibling(name):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    spec = importlib.util.spec_from_file_location("sibling", path)
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    return module


log = sibling("read-log.py")
MAGIC = bytes([0x89, 0x53, 0x56, 0x4D, 0x0D, 0x0A, 0x1A, 0x0A])


def decode(data):
    if data[:8] != MAGIC:
        raise log.Damage(0, "bad magic")
    if not 80 <= len(data) <= 16 << 20:
        raise log.Damage(len(data), "bad size")
    if log.xxh64(data[:-8]) != struct.unpack_from("<Q", data, len(data) - 8)[0]:
        raise log.Damage(len(data) - 8, "bad hash")
    version, size = struct.unpack_from("<II", data, 8)
    if version != 1:
        raise log.Damage(8, "format version %d is newer than 1" % version)
    if size != len(data):
        raise log.Damage(12, "the size is not the file's")
    kind, count, configuration, lsn, high, low = struct.unpack_from("<IIQQQQ", data, 32)
    cursor = log.Cursor(data[72:-8], 72)
    view = cursor.take(cursor.varint()).decode()
    files = []
    for _ in range(count):
        name = cursor.take(cursor.varint()).decode()
        if files and files[-1]["name"].encode() >= name.encode() or "/" in name or not name:
            raise log.Damage(72 + cursor.at, "bad name of a file")
        files.append({"name": name, "bytes": cursor.number("Q"),
                      "hash": "%016x" % cursor.number("Q")})
    if cursor.at != len(data) - 80:
        raise log.Damage(72 + cursor.at, "bytes behind the last file")
    return {"database": log.uuid(data[16:32]), "view": view, "version": kind,
            "configuration": "%016x" % configuration, "lsn": lsn,
            "digest": "%016x%016x" % (high, low), "files": files}


def main(arguments):
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 64
    try:
        with open(arguments[0], "rb") as file:
            data = file.read()
        print(json.dumps(decode(data), separators=(",", ":")))
    except (log.Damage, UnicodeDecodeError) as damage:
        print("damaged: %s" % damage, file=sys.stderr)
        return 65
    except OSError as error:
        print(error, file=sys.stderr)
        return 66
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
