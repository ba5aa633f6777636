"""Docs/Performance.md keeps the sections of other processors (Tests/Performance/sections.py)."""

import importlib.util

from rig.paths import ROOT, TESTS

specification = importlib.util.spec_from_file_location("sections", TESTS / "Performance/sections.py")
sections = importlib.util.module_from_spec(specification)
specification.loader.exec_module(sections)

DOCUMENT = "# Performance\n\nOld.\n\n## One, 2 cores\n\n### Encoders\n\na\n\n## Two, 4 cores\n\nb\n"


def test_a_run_replaces_the_section_of_its_processor_alone():
    assert sections.replaced(DOCUMENT, "# Performance\n\nNew.\n", "Two, 4 cores", "c\n") == (
        "# Performance\n\nNew.\n\n## One, 2 cores\n\n### Encoders\n\na\n\n## Two, 4 cores\n\nc\n"
    )


def test_a_new_processor_comes_first_and_the_others_stay():
    text = sections.replaced(DOCUMENT, "# Performance\n\nOld.\n", "Three, 1 core", "c")
    assert list(sections.split(text)[1]) == ["Three, 1 core", "One, 2 cores", "Two, 4 cores"]
    assert "### Encoders\n\na\n" in text
    # Once more changes nothing.
    assert sections.replaced(text, "# Performance\n\nOld.\n", "Three, 1 core", "c") == text


def test_processors_are_told_apart_by_name_family_and_model():
    intel = "processor : 0\nmodel name : Intel(R) Xeon(R) Gold 6530 CPU @ 2.10GHz\ncpu family : 6\nmodel : 207\n"
    amd = "model name : AMD EPYC\ncpu family : 25\nmodel : 17\n"
    assert sections.processor(intel, 2) == "Intel Xeon Gold 6530 (family 6, model 207), 2 cores"
    assert sections.processor(amd, 1) == "AMD EPYC (family 25, model 17), 1 core"
    assert sections.slug(sections.processor(amd, 1)) == "amd-epyc-family-25-model-17-1-core"
    assert sections.processor("", 2) == "unknown processor, 2 cores"


def test_the_document_of_the_tree_has_a_section_for_each_processor():
    introduction, found = sections.split((ROOT / "Docs/Performance.md").read_text())
    assert introduction.startswith("# Performance\n") and len(found) >= 2
    assert all(name.endswith((" core", " cores")) for name in found)
