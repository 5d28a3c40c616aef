"""The count that ./test ends with: a failure that is not counted would be worse than none."""
import sys
import unittest
import xml.etree.ElementTree as xml

import tree

sys.path.insert(0, str(tree.ROOT / "cmake"))
import test_totals  # noqa: E402


def totals(inside: str = "", attributes: str = 'status="run"') -> tuple[int, int, int]:
    return test_totals.totals_of(xml.fromstring(f'<testcase name="x" {attributes}>{inside}</testcase>'))


def output(text: str) -> str:
    return f"<system-out>{text}</system-out>"


class Counting(unittest.TestCase):
    def test_a_program_of_boost_test_counts_with_its_cases(self):
        report = "  7 test cases out of 10 passed\n  2 test cases out of 10 failed\n  1 test case out of 10 skipped\n"
        self.assertEqual(totals(output(report) + "<failure/>", 'status="fail"'), (7, 2, 1))
        self.assertEqual(totals(output("skipped: no data folder\n  3 test cases out of 3 passed\n")), (2, 0, 1))
        self.assertEqual(totals(output("  1 test case out of 2 passed\n  1 test case out of 2 aborted\n")), (1, 1, 0))

    def test_a_program_that_reports_success_and_fails_counts_as_failed(self):
        self.assertEqual(totals(output("  3 test cases out of 3 passed\n") + "<failure/>", 'status="fail"'), (3, 1, 0))

    def test_other_programs_count_as_one(self):
        self.assertEqual(totals(output("9 inputs")), (1, 0, 0))
        self.assertEqual(totals("<failure/>", 'status="fail"'), (0, 1, 0))
        self.assertEqual(totals('<skipped message="SKIP_RETURN_CODE=77"/>', 'status="notrun"'), (0, 0, 1))

    def test_what_could_not_be_started_has_failed(self):
        self.assertEqual(totals('<skipped message="Unable to find executable"/>', 'status="notrun"'), (0, 1, 0))

    def test_pytest_is_counted_too(self):
        self.assertEqual(totals("", ""), (1, 0, 0))
        self.assertEqual(totals("<failure/>", ""), (0, 1, 0))
        self.assertEqual(totals("<error/>", ""), (0, 1, 0))
        self.assertEqual(totals('<skipped type="pytest.skip" message="no data folder"/>', ""), (0, 0, 1))


if __name__ == "__main__":
    unittest.main()
