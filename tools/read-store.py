#!/usr/bin/env python3
"""Reads records.souk as DataFormats/{meta,page,free-map,backup}.md describe it, independently of the
server.

    read-store.py FILE              the meta blocks, the trees, and what was proved
    read-store.py FILE --rows       one line of JSON a row: tree, key and value in hex
    read-store.py FILE --older      the checkpoint of the older meta block
    read-store.py BACKUP            its files against its MANIFEST, then its records.souk likewise

Proves every hash, the order of the keys, the counts of the entries and that the free map fits the
trees. Changes nothing. Ends with 0, with 65 when the file is damaged or newer, with 66 when it cannot be
read, with 64 when misused."""

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
MAGIC = bytes([0x93, 0x53, 0x4B, 0x52, 0x0D, 0x0A, 0x1A, 0x0A])
FREE, IN_USE, RETIRED = 0, 1, 2


def damage(offset, reason):
    return log.Damage(offset, reason)


def never_zero(number):
    return number or 1


def read_meta(data, slot):
    """The meta block of a slot; None when there is none."""
    offset = slot * 4096
    block = data[offset:offset + 4096]
    if block[:8] != MAGIC:
        return None
    if never_zero(log.xxh64(block[:504], offset)) != struct.unpack_from("<Q", block, 504)[0]:
        return None
    version, size = struct.unpack_from("<II", block, 8)
    if version != 1:
        raise damage(offset + 8, "format version %d is newer than 1" % version)
    fields = struct.unpack_from("<QQqQQQQIIQ", block, 32)
    meta = dict(zip(("sequence", "lsn", "time", "pages", "root", "rootHash", "mapPage", "mapBytes",
                     "zero", "mapHash"), fields))
    if size not in (4096, 8192, 16384, 32768, 65536) or meta.pop("zero") or any(block[104:504]):
        raise damage(offset, "a field of meta block %d" % slot)
    if meta["sequence"] % 2 != slot:
        return None
    return {"slot": slot, "database": log.uuid(block[16:32]), "pageSize": size, **meta}


class Store:
    def __init__(self, data, meta):
        self.data, self.meta, self.size = data, meta, meta["pageSize"]
        self.first = max(1, 8192 // self.size)
        self.reached = set()

    def reach(self, first, count):
        for page in range(first, first + count):
            if page < self.first or page >= self.meta["pages"] or page in self.reached:
                raise damage(page * self.size, "page %d is reached twice or is none" % page)
            self.reached.add(page)

    def extent(self, first, length, expected):
        self.reach(first, -(-length // self.size))
        data = self.data[first * self.size:first * self.size + length]
        if len(data) != length or never_zero(log.xxh64(data)) != expected:
            raise damage(first * self.size, "the extent at page %d does not fit its hash" % first)
        return data

    def page(self, number, expected):
        self.reach(number, 1)
        at = number * self.size
        page = self.data[at:at + self.size]
        if len(page) != self.size:
            raise damage(at, "page %d lies beyond the end" % number)
        found = never_zero(log.xxh64(page[:-8]))
        if found != expected or found != struct.unpack_from("<Q", page, self.size - 8)[0]:
            raise damage(at, "page %d does not fit its hash" % number)
        return page

    def cells(self, number, expected, level, tree):
        """Keys and payloads of a page: (key, payload, is in extents)."""
        page = self.page(number, expected)
        at = number * self.size
        kind, depth, count, start, prefix, holes, zero, owner, own = struct.unpack_from(
            "<BBHHHHHIQ", page)
        if (kind, depth, zero, own) != (1 if level == 0 else 2, level, 0, number) or not count:
            raise damage(at, "the header of page %d" % number)
        if owner != tree:
            raise damage(at, "page %d says that it is of tree %d, not %d" % (number, owner, tree))
        area = self.size - 8 - prefix
        if not 24 + 6 * count <= start <= area or any(page[24 + 6 * count:start]):
            raise damage(at, "the areas of page %d" % number)
        used, found = [], []
        for index in range(count):
            offset, head = struct.unpack_from("<HI", page, 24 + 6 * index)
            suffix, length = struct.unpack_from("<HH", page, offset)
            payload = length & 0x7FFF
            end = offset + 4 + suffix + payload
            if offset < start or end > area:
                raise damage(at + offset, "a cell of page %d" % number)
            used.append((offset, end))
            key = page[offset + 4:offset + 4 + suffix]
            if head != int.from_bytes(key[:4].ljust(4, b"\0"), "big"):
                raise damage(at + offset, "a head of page %d" % number)
            if index == 0 and level:
                whole = b""
            else:
                whole = page[area:area + prefix] + key
            found.append((whole, page[end - payload:end], bool(length & 0x8000)))
        gaps, end = 0, start
        for first, last in sorted(used):
            if first < end or any(page[end:first]):
                raise damage(at + first, "the cells of page %d overlap" % number)
            gaps, end = gaps + first - end, last
        if any(page[end:area]) or gaps + area - end != holes:
            raise damage(at, "the holes of page %d" % number)
        keys = [key for key, _, _ in found[1 if level else 0:]]
        if any(a >= b for a, b in zip(keys, keys[1:])):
            raise damage(at, "the keys of page %d are out of order" % number)
        return found

    def value(self, payload, in_extents):
        if not in_extents:
            return payload
        total = struct.unpack_from("<I", payload)[0]
        parts = [self.extent(*struct.unpack_from("<QIQ", payload, at))
                 for at in range(4, len(payload), 20)]
        value = b"".join(parts)
        if len(value) != total:
            raise damage(0, "a value has %d bytes instead of %d" % (len(value), total))
        return value

    def rows(self, number, expected, level, tree, low=b"", high=None):
        cells = self.cells(number, expected, level, tree)
        for index, (key, payload, in_extents) in enumerate(cells):
            if level == 0:
                if key < low or high is not None and key >= high:
                    raise damage(number * self.size, "a key of page %d is in the wrong page" % number)
                yield key, self.value(payload, in_extents)
                continue
            child, child_hash = struct.unpack("<QQ", payload)
            yield from self.rows(child, child_hash, level - 1, tree, key if index else low,
                                 cells[index + 1][0] if index + 1 < len(cells) else high)

    def level(self, number):
        return self.data[number * self.size + 1]

    def trees(self):
        """Tree number, entries, and an iterator over the rows."""
        root = self.meta["root"]
        if root == 0:
            return
        for key, value in list(self.rows(root, self.meta["rootHash"], self.level(root), 0)):
            page, page_hash, entries, level, zero = struct.unpack("<QQQII", value)
            tree = struct.unpack(">I", key)[0]
            yield tree, entries, self.rows(page, page_hash, level, tree)

    def free_map(self):
        """The state of each page."""
        if self.meta["mapBytes"] == 0:
            return []
        at = self.meta["mapPage"] * self.size
        data = self.data[at:at + self.meta["mapBytes"]]
        if never_zero(log.xxh64(data)) != self.meta["mapHash"]:
            raise damage(at, "the free map does not fit its hash")
        count = struct.unpack_from("<Q", data)[0]
        states, cursor, last = [], log.Cursor(data[8:], at + 8), 3
        while cursor.at < len(data) - 8:
            word = cursor.varint()
            length, state = word >> 2, word & 3
            if state == last or state > 2 or length == 0 or len(states) + length > count:
                raise damage(at + 8 + cursor.at, "a run of the free map")
            states += [state] * length
            last = state
        if len(states) != count:
            raise damage(at, "the free map's runs do not add up")
        return states

    def prove_map(self):
        states = self.free_map()
        in_use = {page for page, state in enumerate(states) if state == IN_USE}
        if in_use != self.reached:
            odd = min(in_use ^ self.reached)
            raise damage(odd * self.size, "the free map and the trees disagree about page %d" % odd)
        return len([state for state in states if state == RETIRED])


def prove_backup(folder):
    """Proves each file that the MANIFEST names."""
    with open(os.path.join(folder, "MANIFEST"), "rb") as file:
        lines = file.read().split(b"\n")
    if len(lines) != 3 or lines[2] or lines[1] != b"%016x" % log.xxh64(lines[0]):
        raise damage(0, "the MANIFEST does not fit its hash")
    manifest = json.loads(lines[0])
    if manifest["formatVersion"] != 1:
        raise damage(0, "format version %d is newer than 1" % manifest["formatVersion"])
    for entry in manifest["files"]:
        found, size = 0, 0
        with open(os.path.join(folder, *entry["name"].split("/")), "rb") as file:
            while chunk := file.read(1 << 20):
                found, size = log.xxh64(chunk, found), size + len(chunk)
        if size != entry["bytes"] or "%016x" % found != entry["hash"]:
            raise damage(0, "%s is not what the MANIFEST says" % entry["name"])


def main(arguments):
    flags = {word for word in arguments if word.startswith("--")}
    paths = [word for word in arguments if not word.startswith("--")]
    if len(paths) != 1 or flags - {"--rows", "--older"}:
        print(__doc__, file=sys.stderr)
        return 64
    path = paths[0]
    try:
        if os.path.isdir(path):
            prove_backup(path)
            path = os.path.join(path, "records.souk")
        with open(path, "rb") as file:
            data = file.read()
        metas = [meta for meta in (read_meta(data, slot) for slot in (0, 1)) if meta]
        metas.sort(key=lambda meta: -meta["sequence"])
        if len(metas) <= ("--older" in flags):
            raise damage(0, "no such valid meta block")
        store = Store(data, metas["--older" in flags])
        trees = []
        for tree, entries, rows in store.trees():
            count = 0
            for key, value in rows:
                count += 1
                if "--rows" in flags:
                    print(json.dumps({"tree": tree, "key": key.hex(), "value": value.hex()}))
            if count != entries:
                raise damage(0, "tree %d has %d entries instead of %d" % (tree, count, entries))
            trees.append({"tree": tree, "entries": entries})
        # The map of an older checkpoint may be gone: its pages are used again first.
        retired = store.prove_map() if "--older" not in flags else None
        if "--rows" not in flags:
            print(json.dumps({"metas": metas, "trees": trees, "reachedPages": len(store.reached),
                              "retiredPages": retired}, indent=2))
    except OSError as error:
        print("%s: %s" % (error.filename, error.strerror), file=sys.stderr)
        return 66
    except log.Damage as error:
        print("%s, byte %d: %s" % (path, error.offset, error), file=sys.stderr)
        return 65
    except (struct.error, IndexError, KeyError, ValueError) as error:
        print("%s: %s" % (path, error), file=sys.stderr)
        return 65
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
