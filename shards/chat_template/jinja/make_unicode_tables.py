#!/usr/bin/env python3
"""Writes unicode_tables.inc: what Python's str methods know about characters, as runs of code points.

    python3 make_unicode_tables.py > unicode_tables.inc

The answers are taken from this Python's own str methods, so that templates see what they would see there.
"""
import sys
import unicodedata

characters = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def runs(keys):
    """Sorted code points as (first, last, stride) with stride 1 or 2."""
    keys = sorted(keys)
    i = 0
    while i < len(keys):
        best = (1, 1)
        for stride in (1, 2):
            n = 1
            while i + n < len(keys) and keys[i + n] == keys[i] + n * stride:
                n += 1
            if n > best[0]:
                best = (n, stride)
        yield keys[i], keys[i] + (best[0] - 1) * best[1], best[1]
        i += best[0]


def is_ignorable(c):
    """Unicode's Case_Ignorable, seen through the rule for a final sigma."""
    return ("A" + c + "Σ").lower()[-1] == "ς" and (c + "Σ").lower()[-1] == "σ"


def print_rows(rows, per_line):
    for i in range(0, len(rows), per_line):
        print("    " + " ".join(rows[i : i + per_line]))


def print_class(name, test):
    rows = [f"{{0x{a:X}, 0x{b:X}, {s}}}," for a, b, s in runs(ord(c) for c in characters if test(c))]
    print(f"constexpr character_run {name}[] = {{")
    print_rows(rows, 5)
    print("};")


def print_mapping(name, convert):
    """One to one in runs of equal difference; one to many in a table of its own."""
    by_delta = {}
    special = []
    for c in characters:
        to = convert(c)
        if len(to) > 1:
            special.append((ord(c), to))
        elif to != c:
            by_delta.setdefault(ord(to) - ord(c), []).append(ord(c))
    rows = sorted((a, b, s, delta) for delta, keys in by_delta.items() for a, b, s in runs(keys))
    # Runs of stride 2 may interleave: the search needs them disjoint, so those that overlap are cut into single characters.
    flat = []
    for a, b, s, delta in rows:
        overlap = s == 2 and any(x <= b and y >= a and (x, y, d) != (a, b, delta) for x, y, _, d in rows)
        flat += [(c, c, 1, delta) for c in range(a, b + 1, s)] if overlap else [(a, b, s, delta)]
    print(f"constexpr mapping_run {name}[] = {{")
    print_rows([f"{{0x{a:X}, 0x{b:X}, {s}, {d}}}," for a, b, s, d in sorted(flat)], 4)
    print("};")
    print(f"constexpr special_mapping {name}_special[] = {{")
    print_rows(["{0x%X, \"%s\"}," % (c, "".join("\\x%02x" % b for b in to.encode())) for c, to in special], 3)
    print("};")


print(f"// Made by make_unicode_tables.py with Python {sys.version.split()[0]}, Unicode {unicodedata.unidata_version}.")
print("// clang-format off")
print_class("alphabetic", str.isalpha)
print_class("decimal_digits", str.isdecimal)
print_class("digits", str.isdigit)
print_class("numeric", str.isnumeric)
print_class("lowercase", str.islower)
print_class("uppercase", lambda c: c.isupper())
print_class("titlecase", lambda c: unicodedata.category(c) == "Lt")
print_class("not_printable", lambda c: not c.isprintable())
print_class("case_ignorable", is_ignorable)
print_mapping("to_lower", str.lower)
print_mapping("to_upper", str.upper)
print_mapping("to_title", str.title)
print_mapping("to_fold", str.casefold)
print("// clang-format on")
