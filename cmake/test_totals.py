"""Adds up what the programs of a ctest run or a pytest run reported, from its JUnit file.

    test_totals.py FILE.xml

Prints what the failed ones said last, and as the last line "N passed, N failed, N skipped". A program of Boost.Test counts
with its cases, which it reports when BOOST_TEST_REPORT_LEVEL=short; a line of it that starts with "skipped:" is a case
that had nothing to work with. Any other program counts as one.
"""
import re
import sys
import xml.etree.ElementTree as xml

LINES_SHOWN = 40


def totals_of(case) -> tuple[int, int, int]:
    """passed, failed, skipped of one <testcase>."""
    output = case.findtext("system-out") or ""
    left_out = case.find("skipped")
    # ctest calls "skipped" also what it could not start.
    not_started = left_out is not None and case.get("status") == "notrun" and "SKIP_" not in (left_out.get("message") or "")
    bad = case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail" or not_started
    reported = {word: int(n) for n, word in re.findall(r"^ +(\d+) test cases? out of \d+ (\w+)$", output, re.M)}
    if reported:
        said_skipped = len(re.findall(r"^skipped:", output, re.M))
        passed = reported.get("passed", 0) + reported.get("warnings", 0) - said_skipped
        failed = reported.get("failed", 0) + reported.get("aborted", 0)
        # It may report success and end otherwise: a leak, a signal.
        return max(passed, 0), max(failed, int(bad)), reported.get("skipped", 0) + said_skipped
    if bad:
        return 0, 1, 0
    return (0, 0, 1) if left_out is not None else (1, 0, 0)


def main() -> int:
    cases = list(xml.parse(sys.argv[1]).iter("testcase"))
    sums = [0, 0, 0]
    for case in cases:
        totals = totals_of(case)
        sums = [a + b for a, b in zip(sums, totals)]
        if totals[1]:
            said = (case.findtext("system-out") or case.findtext("failure") or "").rstrip().split("\n")
            print(f"FAILED {case.get('name')}:", *said[-LINES_SHOWN:], sep="\n  ")
    print(f"{sums[0]} passed, {sums[1]} failed, {sums[2]} skipped")
    return 1 if sums[1] or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
