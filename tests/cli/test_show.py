"""locache show: the call, the result as data, and what is never loaded."""

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cbor2
import entryfile
import pytest

from .conftest import clean_environment
from .entries import rewrite
from .shapes import MOMENT, PLACE, STATUS, fits

SCHEMA = json.loads((Path(__file__).parents[2] / "cli/schema/locache.schema.json").read_text())
ARGUMENT = ({"name": str, "value": object}, {"position": int, "value": object})
SHOWN = {
    "path": str,
    **PLACE,
    "name": str,
    "status": "ok",
    "message": None,
    "bytes": int,
    "disk_bytes": int,
    "used": MOMENT,
    "codec": ("cbor", "pickle", "raw"),
    "signature": ("none", "ours", "foreign"),
    "compressed": bool,
    "created": float,
    "expires": MOMENT,
    "compute_seconds": float,
    "arguments": ([ARGUMENT], None),
    "result": object,
}
REFUSED = {
    **{name: SHOWN[name] for name in ("path", *PLACE, "name")},
    "status": STATUS,
    "message": str,
    **{name: SHOWN[name] for name in ("bytes", "disk_bytes", "used")},
}


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        ("none", None),
        ("list", [1, 2.5, True, "\u00e9\n\x1b[31m"]),
        ("tuple", [1, {"type": "bytes", "size": 2, "hex": "6162", "text": "ab"}]),
        ("big", 2**200),
        ("negative", -(2**70)),
        ("smallest", -(2**64)),
        ("none-number", {"type": "float", "value": "nan"}),
        ("long", "x" * 5000),
        ("keys", {"type": "dict", "items": [[1, 2]]}),
        ("huge", {"type": "bytes", "size": 300000, "hex": "68" * 300000, "text": "h" * 300000}),
        ("bytes", {"type": "bytes", "size": 5000, "hex": "7a" * 5000, "text": "z" * 5000}),
    ],
)
def test_show__plain_data_is_json(project, run, kind, result):
    (shown,) = run("show", "--json", f"foo.cache/plain/kind={kind}").json()
    assert shown["result"] == result and type(shown["result"]) is type(result)
    assert shown["arguments"] == [{"name": "kind", "value": kind}]
    assert shown["function"] == "plain" and shown["current"] is True
    assert fits(shown, SHOWN)


# What is larger than JSON's readers take as a number is an object.
WHOLE = """\
from locache import persist

BINARY = bytes(range(256)) * 400
NUMBERS = {
    "digits": 10**600, "least": -(10**1500), "even": -(256**100), "last": 256**1785 - 1,
    "first": 256**1785, "below": -(256**5000), "odd": 7**9000,
}

@persist
def whole(kind):
    return NUMBERS.get(kind) or {"binary": BINARY, "array": bytearray(BINARY)}[kind]

if __name__ == "__main__":
    for kind in (*NUMBERS, "binary", "array"):
        whole(kind)
"""


@pytest.fixture
def whole(tmp_path):
    """Results that are long: the module's namespace."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "whole.py").write_text(WHOLE)
    environment = clean_environment(tmp_path / "home")
    subprocess.run([sys.executable, "whole.py"], cwd=project, env=environment, check=True)
    names = {"__name__": "names"}
    exec(WHOLE.replace("from locache import persist", "persist = str"), names)
    return SimpleNamespace(**names)


def number_of(shown):
    """What json reads, or the object that stands for what it refuses."""
    if isinstance(shown, int):
        return shown
    number = int(shown["hex"], 16)
    assert shown == {
        "type": "int",
        "size": (number.bit_length() + 7) // 8,
        "hex": shown["hex"],
    }
    return number


def test_show__json_and_full_cut_nothing(whole, run):
    rows = run("show", "--json", "whole.py:whole").json()
    shown = {row["arguments"][0]["value"]: row["result"] for row in rows}
    binary = {"size": len(whole.BINARY), "hex": whole.BINARY.hex()}
    assert shown.pop("binary") == {"type": "bytes", **binary}
    assert shown.pop("array") == {"type": "bytearray", **binary}
    assert {name: number_of(one) for name, one in shown.items()} == whole.NUMBERS
    assert {name for name, one in shown.items() if isinstance(one, dict)} == {
        "first",
        "below",
        "odd",
    }
    schema = pytest.importorskip("jsonschema")
    for form, found in (("integer", shown.values()), ("bytes", [{"type": "bytes", **binary}])):
        for one in found:
            schema.validate(one, {**SCHEMA, "$ref": f"#/$defs/{form}"})
    for kind in shown:
        said = run("show", "--full", f"whole.cache/whole/kind={kind}").out
        printed = re.search("^  result   (.*)$", said, re.MULTILINE)[1]
        assert number_of(json.loads(printed)) == whole.NUMBERS[kind]
    assert whole.BINARY.hex() in run("show", "-f", "whole.cache/whole/kind=binary").out


def test_show__in_words_long_numbers_and_bytes_are_cut(whole, run):
    for kind in ("binary", "array", "digits", "below"):
        said = run("show", f"whole.cache/whole/kind={kind}").out
        assert '"hex_begin":' in said and len(said) < 1000


def test_show__in_words(project, run):
    told = run("show", "foo.cache/my_func/x=1_num=3").out.splitlines()
    assert told[0] == "foo.cache/my_func/x=1_num=3"
    words = [line.split(None, 1) for line in told[1:]]
    assert [word for word, _ in words] == ["call", "result", "stored", "version", "file"]
    assert words[0][1] == "my_func(x=1, num=3)" and words[1][1] == "3"
    assert "cbor, not signed" in words[4][1]


def test_show__arguments_by_name_and_by_position(project, run):
    (shown,) = run("show", "--json", "foo.py:Class.method").json()
    assert [next(iter(one)) for one in shown["arguments"]] == [
        "name",
        "position",
        "position",
        "name",
    ]


def test_show__a_pickle_is_named_and_never_loaded(project, run, tmp_path):
    """Who signed it shows; what it would run does not run."""
    path = next(p for p in (project / "foo.cache/pickled").iterdir() if p.name[0] != ".")
    (shown,) = run("show", "--json", path).json()
    assert shown["codec"] == "pickle" and shown["signature"] == "ours"
    assert shown["result"] == {"type": "pickle", "size": shown["result"]["size"]}
    other = tmp_path / "other"
    other.mkdir()
    (shown,) = run("show", "--json", path, home=other).json()
    assert shown["signature"] == "foreign"
    assert "not used" in run("show", path, home=other).out


def test_show__without_full_a_long_result_is_cut(project, run):
    cut = run("show", "foo.cache/plain/kind=long").out
    assert "... (5000 bytes)" in cut and len(cut) < 3000
    assert len(run("show", "--full", "foo.cache/plain/kind=long").out) > 5000


def test_show__a_damaged_one_is_said_and_the_rest_shown(project, run):
    path = project / "foo.cache/my_func/x=1_num=3"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    ran = run("show", "--json", path, "foo.cache/my_func/x=2_num=3", code=1)
    damaged, sound = ran.json()
    assert damaged["status"] == "damaged" and "checksum" in damaged["message"]
    assert fits(damaged, REFUSED) and fits(sound, SHOWN) and sound["result"] == 6
    assert "checksum" in ran.err


def test_show__needs_something_to_show(project, run):
    assert "locache ls --entries" in run("show", code=2).err


def test_show__a_terminal_gets_no_control_of_a_result(on_terminal):
    said = on_terminal("show", "foo.cache/plain/kind=list", NO_COLOR="1")
    assert b"\x1b" not in said and b"\\u001b[31m" in said


ARRAYS = """\
import numpy as np
from locache import persist

@persist
def array(kind):
    base = np.arange(6, dtype="i4")
    return {
        "int": base.reshape(2, 3), "fortran": np.asfortranarray(base.reshape(2, 3)),
        "big": base.astype(">f8"), "half": base.astype("f2"), "bool": base > 2,
        "nan": np.array([1.0, np.nan, np.inf]), "large": np.arange(100000.0), "zero": base[:0],
        "nested": [base.astype("u1")], "scalar": np.float32(2), "dim": np.array(5),
    }[kind]

for kind in "int fortran big half bool nan large zero nested scalar dim".split():
    array(kind)
"""


@pytest.mark.once
def test_show__arrays_by_type_shape_and_summary(tmp_path, run):
    pytest.importorskip("numpy")
    project = tmp_path / "project"
    project.mkdir()
    (project / "arrays.py").write_text(ARRAYS)
    environment = clean_environment(tmp_path / "home")
    subprocess.run([sys.executable, "arrays.py"], cwd=project, env=environment, check=True)
    rows = run("show", "--json", "arrays.py:array").json()
    shown = {row["arguments"][0]["value"]: row["result"] for row in rows}
    whole = {"min": 0.0, "max": 5.0, "mean": 2.5, "first": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]}

    def expected(dtype, shape, order, size, **more):
        return {
            "type": "ndarray",
            "dtype": dtype,
            "shape": shape,
            "order": order,
            "bytes": size,
            **more,
        }

    assert shown["int"] == expected("int32", [2, 3], "C", 24, **whole)
    turned = {**whole, "first": [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]}
    assert shown["fortran"] == expected("int32", [2, 3], "F", 24, **turned)
    assert shown["big"] == expected("float64", [6], "C", 48, **whole)
    assert shown["half"] == expected("float16", [6], "C", 12, **whole)
    assert shown["bool"] == expected("|b1", [6], "C", 6)
    assert shown["nan"] == expected(
        "float64", [3], "C", 24, min=1.0, max=None, mean=None, nan=1, first=[1.0, None, None]
    )
    assert (shown["large"]["max"], shown["large"]["mean"]) == (99999.0, 49999.5)
    assert shown["zero"] == expected("int32", [0], "C", 0, first=[])
    assert shown["nested"] == [expected("uint8", [6], "C", 6, **whole)]
    assert shown["dim"]["shape"] == [] and shown["dim"]["first"] == [5.0]
    assert shown["scalar"]["type"] == "scalar"


def test_show__what_is_nested_too_deep_ends(project, run):
    """A sound entry, whose body nests deeper than any reader follows."""
    from .entries import rewrite

    path = project / "foo.cache/my_func/x=1_num=3"
    rewrite(path, body=b"\x81" * 200000 + b"\x00")
    ran = run("show", "--json", path)
    assert json.loads(ran.out)[0]["status"] == "ok"
    assert os.path.getsize(path) > 200000


def test_show__bodies_and_keys_of_any_bytes(project, run):
    """Whatever a sound entry holds, what is printed is JSON, and nothing else happens."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    folder = project / "foo.cache/my_func"
    bodies = [
        path.read_bytes()[144:] for path in (project / "foo.cache/plain").glob("kind=[!hlb]*")
    ]
    heads = bytes([0x81, 0xA1, 0x9B, 0xBB, 0xC2, 0xC3, 0xD8, 0xD9, 0xDB, 0xF9, 0xFB, 0x5B, 0x7B])
    for n in range(400):
        body = bytearray(draw.choice(bodies)[draw.randrange(12) :])
        for _ in range(draw.randrange(1, 6)):
            at = draw.randrange(len(body))
            body[at : at + draw.randrange(3)] = bytes(
                draw.choice([draw.choice(heads), draw.randrange(256)])
                for _ in range(draw.randrange(1, 4))
            )
        for tag in [*draw.sample(range(49600, 49628), 2), 40, 1040, 30, 4]:
            if draw.random() < 0.2:
                body[0:0] = b"\xd9" + tag.to_bytes(2, "big")
        path = folder / f"x={n}_num=3"
        if not path.exists():
            path.write_bytes(entryfile.build(entry_of(n, bytes(body))))
            os.chmod(path, 0o600)
    rows = run("show", "--json", "foo.py:my_func").json()
    assert len(rows) >= 400 and all(row["status"] == "ok" for row in rows)
    run("show", "foo.py:my_func")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("caf\u00e9\n\tdone\r\n".encode(), "caf\u00e9\n\tdone\r\n"),
        (b"\x1b[31m", None),
        (b"a\0b", None),
        (b"cut \xc3", None),
        (b"", None),
    ],
)
def test_show__raw_bytes_as_text_where_they_are_lines(project, run, body, text):
    path = project / "foo.cache/my_func/x=1_num=3"
    rewrite(path, body=body, codec=3)
    (shown,) = run("show", "--json", path).json()
    assert shown["codec"] == "raw" and shown["result"]["hex"] == body.hex()
    assert shown["result"].get("text") == text


def test_show__what_a_command_printed(tmp_path, run):
    run("run", "--cache-dir", tmp_path, "--", "sh", "-c", "echo out; echo err >&2")
    (path,) = (tmp_path / "run.cache/sh").glob("0=*")
    (shown,) = run("show", "--json", path).json()
    assert shown["result"]["stdout"]["text"] == "out\n"
    assert shown["result"]["stderr"]["text"] == "err\n"


def entry_of(n, body):
    key = b"\x84\x61x" + cbor2.dumps(n) + b"\x63num\x03"
    return entryfile.Entry(entryfile.CBOR, key, body)
