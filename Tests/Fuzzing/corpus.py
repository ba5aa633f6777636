"""Packs and unpacks the fuzzer's corpus: one archive of stored entries a target, the same bytes for the same inputs.

    python3 Tests/Fuzzing/corpus.py pack FOLDER TARGET      FOLDER's files become Tests/Fuzzing/Corpus/TARGET.zip
    python3 Tests/Fuzzing/corpus.py unpack FOLDER TARGET    the archive's inputs become files in FOLDER
"""

import pathlib
import sys
import zipfile

CORPUS = pathlib.Path(__file__).parent / "Corpus"


def inputs(target: str) -> dict[str, bytes]:
    """The inputs of a target by name; none where it has no archive yet."""
    path = CORPUS / f"{target}.zip"
    if not path.exists():
        return {}
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(folder: pathlib.Path, target: str) -> None:
    CORPUS.mkdir(exist_ok=True)
    with zipfile.ZipFile(CORPUS / f"{target}.zip", "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.iterdir()):
            # ZipInfo's default date is constant, so that the archive depends on the inputs alone.
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes())


def unpack(folder: pathlib.Path, target: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in inputs(target).items():
        (folder / name).write_bytes(data)


def main() -> None:
    match sys.argv[1:]:
        case ["pack", folder, target]:
            pack(pathlib.Path(folder), target)
        case ["unpack", folder, target]:
            unpack(pathlib.Path(folder), target)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
