"""Where things are in the tree."""

import pathlib

TESTS = pathlib.Path(__file__).resolve().parents[2]
ROOT = TESTS.parent
DEPLOY = ROOT / "Deploy"
FIXTURES = TESTS / "WeightspaceTests/Fixtures"
SYSTEM = TESTS / "System"
# Where what takes long to make is kept from one run to the next.
BUILD = ROOT / ".build"
