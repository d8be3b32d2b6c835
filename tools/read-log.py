#!/usr/bin/env python3
"""Reads a commit log as DataFormats/log.md describes it, independently of the server.

    read-log.py FOLDER            every segment of a log, in order
    read-log.py FILE.log...       these segments, in order

Prints one JSON object a line: "segment", "frame", "entry", "tail" (what stands behind the last frame
of the last segment) and, at the first damage, "damage". Bytes are hexadecimal. Changes nothing.
Ends with 0, with 65 when something is damaged, with 66 when there is no log, with 64 when misused.
"""

import json
import os
import struct
import sys

MASK = (1 << 64) - 1
P1, P2, P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P4, P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5

MAGIC = bytes([0x89, 0x53, 0x4C, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
HEADER_BYTES = 4096
FRAME_HEADER_BYTES = 48
KINDS = {1: "group", 2: "seal", 3: "tick"}


def rotate(value, bits):
    return (value << bits | value >> (64 - bits)) & MASK


def mix(lane, word):
    return rotate((lane + word * P2) & MASK, 31) * P1 & MASK


def xxh64(data, seed=0):
    """The 64-bit hash of the xxHash specification, version 0.1.1."""
    count, offset = len(data), 0
    if count >= 32:
        lanes = [(seed + P1 + P2) & MASK, (seed + P2) & MASK, seed, (seed - P1) & MASK]
        for words in struct.iter_unpack("<4Q", data[: count - count % 32]):
            lanes = [mix(lane, word) for lane, word in zip(lanes, words)]
        offset = count - count % 32
        result = sum(rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18))) & MASK
        for lane in lanes:
            result = ((result ^ mix(0, lane)) * P1 + P4) & MASK
    else:
        result = (seed + P5) & MASK
    result = (result + count) & MASK
    while offset + 8 <= count:
        word = struct.unpack_from("<Q", data, offset)[0]
        result = (rotate(result ^ mix(0, word), 27) * P1 + P4) & MASK
        offset += 8
    if offset + 4 <= count:
        word = struct.unpack_from("<I", data, offset)[0]
        result = (rotate(result ^ word * P1 & MASK, 23) * P2 + P3) & MASK
        offset += 4
    for byte in data[offset:]:
        result = rotate(result ^ byte * P5 & MASK, 11) * P1 & MASK
    result = (result ^ result >> 33) * P2 & MASK
    result = (result ^ result >> 29) * P3 & MASK
    return result ^ result >> 32


class Damage(Exception):
    def __init__(self, offset, reason):
        super().__init__(reason)
        self.offset, self.reason = offset, reason


def show(**line):
    print(json.dumps(line, separators=(",", ":")))


def uuid(data):
    text = data.hex()
    return "-".join([text[:8], text[8:12], text[12:16], text[16:20], text[20:]])


class Header:
    def __init__(self, data):
        if len(data) < HEADER_BYTES:
            raise Damage(len(data), "the header is cut short")
        if data[:8] != MAGIC:
            raise Damage(0, "bad magic")
        if xxh64(data[:4088]) != struct.unpack_from("<Q", data, 4088)[0]:
            raise Damage(4088, "bad checksum of the header")
        self.version, self.size = struct.unpack_from("<II", data, 8)
        if self.version != 1:
            raise Damage(8, "format version %d is newer than 1" % self.version)
        if self.size != HEADER_BYTES:
            raise Damage(12, "bad header size")
        self.database = data[16:32]
        self.epoch, self.first, self.chain, self.created, self.bytes = struct.unpack_from(
            "<QQQqQ", data, 32)
        self.seed = xxh64(data[16:40])


class Frame:
    """The frame at `offset`; `valid` says whether sizes, closing byte and hash are right."""

    def __init__(self, data, offset, seed):
        self.offset, self.valid = offset, False
        if offset + FRAME_HEADER_BYTES + 8 > len(data):
            return
        (self.bytes, self.kind, self.flags, self.first, self.count, self.payload_bytes,
         self.time, self.previous, self.hash) = struct.unpack_from("<IHHQIIqQQ", data, offset)
        if self.bytes != (FRAME_HEADER_BYTES + self.payload_bytes + 8) // 8 * 8:
            return
        if offset + self.bytes > len(data) or data[offset + self.bytes - 1] != 0xA5:
            return
        whole = bytearray(data[offset:offset + self.bytes])
        whole[40:48] = bytes(8)
        self.valid = xxh64(whole, seed) == self.hash
        start = offset + FRAME_HEADER_BYTES
        self.payload = data[start:start + self.payload_bytes]


class Cursor:
    def __init__(self, data, base):
        self.data, self.base, self.at = data, base, 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Damage(self.base + self.at, "a record is cut short")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize(form)))[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value > MASK or shift > 63 or (byte == 0 and shift > 0):
                    raise Damage(self.base + self.at, "bad varint")
                return value
            shift += 7

    def run(self):
        return self.take(self.varint()).hex()

    def before(self):
        flag = self.take(1)[0]
        if flag > 1:
            raise Damage(self.base + self.at, "bad before flag")
        return self.run() if flag else None


def operation(cursor):
    kind = cursor.take(1)[0]
    if kind == 1:
        return {"put": cursor.varint(), "key": cursor.run(), "value": cursor.run(),
                "before": cursor.before()}
    if kind == 2:
        return {"delete": cursor.varint(), "key": cursor.run(), "before": cursor.before()}
    if kind == 3:
        return {"event": cursor.varint(), "payload": cursor.run()}
    raise Damage(cursor.base + cursor.at - 1, "unknown operation kind %d" % kind)


def show_entries(frame):
    cursor = Cursor(frame.payload, frame.offset + FRAME_HEADER_BYTES)
    for index in range(frame.count):
        start = cursor.at
        size = cursor.number("I")
        lsn, time = cursor.number("Q"), cursor.number("q")
        request = cursor.take(16)
        operations = [operation(cursor) for _ in range(cursor.number("I"))]
        if lsn != frame.first + index or cursor.at - start != size:
            raise Damage(cursor.base + start, "a record's LSN or size is wrong")
        show(type="entry", lsn=lsn, time=time, request=uuid(request), operations=operations)
    if cursor.at != len(frame.payload):
        raise Damage(cursor.base + cursor.at, "bytes behind the last record")


def read_segment(path, state, is_last):
    with open(path, "rb") as file:
        data = file.read()
    header = Header(data)
    name = os.path.basename(path)
    if name != "%020d.log" % header.first:
        raise Damage(40, "the first LSN is not the file's name")
    if header.bytes != len(data):
        raise Damage(64, "the header speaks of %d bytes, there are %d" % (header.bytes, len(data)))
    if state and state["database"] != header.database:
        raise Damage(16, "a segment of another database")
    if state and (state["next"], state["chain"]) != (header.first, header.chain):
        raise Damage(0, "the segment does not follow the one before")
    show(type="segment", file=name, database=uuid(header.database), epoch=header.epoch,
         first=header.first, created=header.created, bytes=header.bytes)
    offset, lsn, chain, frames, is_sealed = HEADER_BYTES, header.first, header.chain, 0, False
    while not is_sealed:
        frame = Frame(data, offset, header.seed)
        if not frame.valid:
            break
        if (frame.first, frame.previous) != (lsn, chain) or frame.kind not in KINDS:
            raise Damage(offset, "a valid frame that does not belong here")
        if (frame.kind == 1) != (frame.count > 0):
            raise Damage(offset, "an impossible count")
        show(type="frame", offset=offset, kind=KINDS[frame.kind], flags=frame.flags, first=lsn,
             count=frame.count, bytes=frame.bytes, time=frame.time)
        if frame.kind == 1:
            show_entries(frame)
        if frame.kind == 2:
            if struct.unpack_from("<QQ", frame.payload) != (lsn - 1, frames):
                raise Damage(offset, "the seal does not count what it seals")
            is_sealed = True
        offset, lsn, chain, frames = (
            offset + frame.bytes, lsn + frame.count, frame.hash, frames + 1)
    if is_last and not is_sealed:
        for other in range(offset + 8, len(data), 8):
            frame = Frame(data, other, header.seed)
            if frame.valid and frame.first >= lsn:
                raise Damage(offset, "no valid frame, but a valid one behind it at %d" % other)
        show(type="tail", file=name, offset=offset, next=lsn,
             state="zeros" if not any(data[offset:]) else "torn or of an earlier life")
    elif not is_last and not is_sealed:
        raise Damage(offset, "no seal, but a later segment exists")
    else:
        show(type="tail", file=name, offset=offset, next=lsn, state="sealed")
    return {"database": header.database, "next": lsn, "chain": chain}


def segments(arguments):
    if len(arguments) == 1 and os.path.isdir(arguments[0]):
        names = sorted(os.listdir(arguments[0]))
        return [os.path.join(arguments[0], name) for name in names
                if len(name) == 24 and name.endswith(".log") and name[:20].isdigit()]
    return arguments


def main(arguments):
    if not arguments or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 64
    paths = segments(arguments)
    if not paths:
        print("no segment in " + arguments[0], file=sys.stderr)
        return 66
    state = None
    for path in paths:
        try:
            state = read_segment(path, state, path == paths[-1])
        except Damage as damage:
            show(type="damage", file=os.path.basename(path), offset=damage.offset,
                 reason=damage.reason)
            return 65
        except OSError as error:
            print(error, file=sys.stderr)
            return 66
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
