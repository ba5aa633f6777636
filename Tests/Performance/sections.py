"""Docs/Performance.md has a section for each processor; a run replaces that of its own processor and keeps the others.

    python3 sections.py      prints the short name of this machine's processor, for names of files
"""

import os
import re


def processor(cpuinfo: str, cores: int) -> str:
    """The processor as a heading: `AMD EPYC (family 25, model 17), 2 cores`.

    cpuinfo: the text of /proc/cpuinfo. Family and model tell apart what virtual machines name alike.
    """
    fields = {}
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    name = re.sub(r"\((R|TM|tm)\)", "", fields.get("model name", "unknown processor"))
    name = " ".join(re.sub(r"@.*|\bCPU\b|\bProcessor\b", "", name).split())
    if "cpu family" in fields:
        name += f" (family {fields['cpu family']}, model {fields['model']})"
    return f"{name}, {cores} {'core' if cores == 1 else 'cores'}"


def this_processor() -> str:
    with open("/proc/cpuinfo") as file:
        return processor(file.read(), len(os.sched_getaffinity(0)))


def slug(heading: str) -> str:
    """The heading as part of a file's name: `amd-epyc-family-25-model-17-2-cores`."""
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")


def split(document: str) -> tuple[str, dict[str, str]]:
    """What stands before the first section, and the sections by heading (`## `), each with its heading."""
    introduction, *sections = re.split(r"^(?=## )", document, flags=re.MULTILINE)
    return introduction, {section.partition("\n")[0].removeprefix("## "): section for section in sections}


def replaced(document: str, introduction: str, heading: str, section: str) -> str:
    """The document with a new introduction and this section; the others stay as they are, in their order.

    A new section becomes the first one.
    """
    _, sections = split(document)
    section = f"## {heading}\n\n{section.strip()}\n"
    kept = {name: text.strip() + "\n" for name, text in sections.items()}
    if heading in kept:
        kept[heading] = section
    else:
        kept = {heading: section} | kept
    return "\n".join([introduction.strip() + "\n", *kept.values()])


if __name__ == "__main__":
    print(slug(this_processor()))
