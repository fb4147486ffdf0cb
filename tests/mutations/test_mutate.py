#!/usr/bin/env python3
"""mutate.py applies what it is given exactly, or says why it cannot: tests/mutations/test_mutate.py."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import mutate

SOURCE = """package p

const (
\tlimit = 4
)

func (q *queue) add(n int) bool {
\tif n > 1 {
\t\tn--
\t}
\treturn n > 0 && q.fits(n)
}

func (q *queue) addAll(
\tn int,
) bool {
\treturn q.add(n)
}

func empty() bool { return true }
"""
HEAD = "Broken: x\nTest: go:p:Test\n\n"


class Mutate(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = Path(folder.name) / "tree"
        self.originals = Path(folder.name) / "originals"
        (self.tree / "p").mkdir(parents=True)
        self.source = self.tree / "p/a.go"
        self.source.write_text(SOURCE)
        self.file = Path(folder.name) / "X-1.mutation"

    def apply(self, text, head=HEAD):
        self.file.write_text(head + text)
        mutate.apply(self.file, self.tree, self.originals)
        return self.source.read_text()

    def refused(self, text, why, head=HEAD):
        with self.assertRaisesRegex(mutate.Failure, why):
            self.apply(text, head)
        self.assertEqual(self.source.read_text(), SOURCE)

    def test_lines_are_replaced(self):
        got = self.apply("In: p: func (q *queue) add\n- return n > 0 && q.fits(n)\n+ return n > 0\n")
        self.assertEqual(got, SOURCE.replace(" && q.fits(n)", ""))
        self.assertEqual((self.originals / "p/a.go").read_text(), SOURCE)

    def test_lines_are_added_below_one_that_stays(self):
        got = self.apply("In: p: func (q *queue) add\n  if n > 1 {\n+ \tn++\n")
        self.assertEqual(got, SOURCE.replace("n > 1 {\n", "n > 1 {\n\t\tn++\n"))

    def test_several_changes_and_places(self):
        got = self.apply(
            "In: p: func (q *queue) add\n- n--\n...\n- return n > 0 && q.fits(n)\n+ return true\n\n"
            "In: p: const limit\n- limit = 4\n+ limit = 5\n\nIn: p/a.go\n- func empty() bool { return true }\n"
        )
        want = SOURCE.replace("\t\tn--\n", "").replace("n > 0 && q.fits(n)", "true").replace("= 4", "= 5")
        self.assertEqual(got, want.replace("func empty() bool { return true }\n", ""))

    def test_a_declaration_ends_where_the_next_begins(self):
        self.apply("In: p: func (q *queue) addAll\n- return q.add(n)\n+ return false\n")
        self.source.write_text(SOURCE)
        self.refused("In: p: func (q *queue) addAll\n- func empty() bool { return true }\n", "0 times")
        self.refused("In: p: func (q *queue) add\n- return q.add(n)\n", "0 times")

    def test_refusals(self):
        self.refused("In: p: func (q *queue) ad\n- n--\n", "is not declared")
        self.refused("In: q: func x\n- n--\n", "there is no q")
        self.refused("In: p\n- n--\n", "no declaration is named")
        self.refused("In: p/a.go\n- }\n", "has 3 times instead of once")
        self.refused("In: p: func empty\n- return 1\n+ return 2\n", "0 times instead of once")
        self.refused("In: p: func empty\n- return 1\n+ return 1\n", "changes nothing")
        self.refused("In: p: func empty\n+ return 1\n", "no line that goes or stays")
        self.refused("In: p: func empty\n", "no line that goes or stays")
        self.refused("In: p: func empty\nreturn\n", "a line begins neither")
        self.refused("- n--\n", "there is no")
        self.refused("In: p/a.go\n- n--\n", "the head needs", "Broken: x\n")
        self.refused("In: p: func (q *queue) add\n- n--\n...\n- \tn--\n- }\n", "overlap")

    def test_two_declarations(self):
        (self.tree / "p/b.go").write_text("func empty() bool { return false }\n")
        self.refused("In: p: func empty\n- x\n", "more than once: p/a.go:20, p/b.go:1")

    def test_tests_and_prototypes_do_not_count(self):
        (self.tree / "p/a_test.go").write_text("func empty() bool { return false }\n")
        (self.tree / "p/a.h").write_text("int f(int a,\n      int b);\n")
        (self.tree / "p/a.c").write_text("static int g(int);\nint f(int a, int b) {\n    return a;\n}\n")
        self.apply("In: p: func empty\n- func empty() bool { return true }\n\nIn: p: int f\n- return a;\n+ return 0;\n")
        self.assertIn("return 0;", (self.tree / "p/a.c").read_text())


if __name__ == "__main__":
    unittest.main()
