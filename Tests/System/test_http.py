"""HTTP as the running server speaks it: every case of the table in four ways, the rules of responses, and a comparison
with two other parsers."""

import pytest

from rig import conformance, differential, sloppy_server, table
from rig.server import Server


@pytest.mark.parametrize("delivery", table.DELIVERIES)
@pytest.mark.parametrize("case", table.ALL, ids=lambda case: ascii(case.name)[1:-1])
def test_case(server: Server, case: table.Case, delivery: str) -> None:
    conformance.run_case(server.address, case, delivery)


@pytest.mark.parametrize("kind", [kind for kind in table.POSTS if kind != "classify"])
def test_bodies_of_other_paths(server: Server, kind: str) -> None:
    complaints = {}
    for case in table.read(kind):
        try:
            conformance.run_case(server.address, case, "in one write")
        except conformance.Failed as failure:
            complaints[case.name] = str(failure)
    assert complaints == {}


def test_table_is_whole() -> None:
    names = [case.name for case in table.ALL]
    assert len(names) >= 250
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", conformance.PATHS)
def test_head_has_the_fields_of_get(server: Server, path: str) -> None:
    conformance.check_head(server.address, path)


@pytest.mark.parametrize("check", conformance.SINGLE_CHECKS, ids=lambda check: check.__name__)
def test_responses(server: Server, check) -> None:
    check(server.address)


def test_sloppy_server_is_found_out() -> None:
    """The checks above can fail: a server that makes the usual mistakes fails where it makes them, and only there."""
    with sloppy_server.running() as address:
        complaints = conformance.complaints(address)
        with pytest.raises(conformance.Failed):
            conformance.check_head(address, "/livez")
    assert [name for name in sloppy_server.MISTAKES if complaints[name] is None] == []
    assert {name: complaints[name] for name in sloppy_server.CORRECT if complaints[name]} == {}


def test_agrees_with_h11_and_llhttp(server: Server, pytestconfig: pytest.Config) -> None:
    seed, count = pytestconfig.getoption("seed"), pytestconfig.getoption("count")
    inputs, failures, meant, rejected = differential.compare(server.address, seed, range(count), jobs=2)
    for item, times in meant.items():
        print(f"exception, {times} times: {item.library} rejects '{item.rejection}…': {item.reason}")
    print(f"seed {seed}: {inputs} inputs, rejected by", dict(rejected))
    assert failures == []


def test_comparison_finds_a_sloppy_server() -> None:
    with sloppy_server.running() as address:
        inputs, failures, _, _ = differential.compare(address, 1, range(300), jobs=2, with_cases=False)
    assert len(failures) > inputs // 10
