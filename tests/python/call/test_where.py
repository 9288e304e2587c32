"""Where a cache is: beside the real source file, from anywhere; elsewhere where that cannot be."""

from __future__ import annotations

import os
import shutil
import sys
import zipfile

import pytest
from locache import persist

FOO = """
    from locache import persist

    @persist
    def my_func(x, num=3):
        print("run")
        return x * num

    if __name__ == "__main__":
        print(my_func(1))
"""
FILE = "foo.cache/my_func/x=1_num=3"


def below(directory, name="my_func"):
    """Where results of a function lie anywhere below a directory."""
    return sorted(
        str(p.relative_to(directory))
        for p in directory.rglob(f"*.cache/{name}/*")
        if p.name[0] != "."
    )


def test_beside_the_script_from_any_working_directory(script, tmp_path):
    script(FOO)
    other = tmp_path / "other"
    other.mkdir()
    assert script(cwd=other).out == "3\n"
    assert script(args=[os.path.join("..", "project", "foo.py")], cwd=other).out == "3\n"
    assert script(args=["foo.py"]).out == "3\n"
    assert script().tree == [FILE]
    assert list(other.iterdir()) == []


def test_beside_the_real_file_through_symbolic_links(script, tmp_path):
    script(FOO)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tool").symlink_to(script.place / "foo.py")
    (tmp_path / "linked").symlink_to(script.place)
    assert script(args=[str(tmp_path / "bin" / "tool")], cwd=tmp_path).out == "3\n"
    assert script(args=[str(tmp_path / "linked" / "foo.py")], cwd=tmp_path).out == "3\n"
    assert [p.name for p in (tmp_path / "bin").iterdir()] == ["tool"]


def test_script_module_and_import_share_results(script):
    (script.place / "pkg" / "sub").mkdir(parents=True)
    (script.place / "pkg" / "__init__.py").touch()
    (script.place / "pkg" / "sub" / "__init__.py").touch()
    assert script(FOO, file="pkg/sub/foo.py").out == "run\n3\n"
    assert script(args=["-m", "pkg.sub.foo"]).out == "3\n"
    done = script("from pkg.sub.foo import my_func; print(my_func(1))", file="main.py")
    assert done.out == "3\n"
    assert done.tree == [f"pkg/sub/{FILE}"]


def test_decorator_from_another_file_does_not_move_the_cache(script):
    script(
        """
        import functools

        def twice(function):
            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                return 2 * function(*args, **kwargs)
            return wrapper
    """,
        file="tools.py",
    )
    done = script("""
        from locache import persist
        from tools import twice

        @persist
        @twice
        def f(x):
            return x

        print(f(1))
    """)
    assert done.tree == ["foo.cache/f/x=1"]


def test_wraps_of_an_installed_function_does_not_move_the_cache(script):
    done = script("""
        import functools, textwrap
        from locache import persist

        @persist
        @functools.wraps(textwrap.dedent)
        def f(*args, **kwargs):
            return "mine"

        print(f("x"))
    """)
    assert (done.out, done.tree) == ("mine\n", ["foo.cache/dedent/text=x"])


def test_name_and_dir(script, tmp_path):
    assert script(FOO.replace("@persist", "@persist(name='notebook')")).tree == [
        "notebook.cache/my_func/x=1_num=3"
    ]
    script(FOO.replace("@persist", f"@persist(dir={str(tmp_path / 'exact')!r})"))
    assert (tmp_path / "exact" / "foo.my_func" / "x=1_num=3").is_file()
    script(
        FOO.replace("@persist", "@persist(dir='here')").replace(
            "print(my", "import os; os.chdir('/'); print(my"
        )
    )
    assert (script.place / "here" / "foo.my_func" / "x=1_num=3").is_file()


@pytest.mark.parametrize("options", ["", ", version='1'", ", auto_invalidate=False"])
@pytest.mark.parametrize("body", ["NAME, x", "helper(x)"])
def test_functions_of_one_name_in_one_directory_keep_apart(script, options, body):
    """As those of a package's modules do, that are all told the same dir=."""
    for name in "ab":
        (script.place / f"{name}.py").write_text(
            f"from locache import persist\nNAME = {name!r}\n"
            "def helper(x):\n    return NAME, x\n"
            f"@persist(dir='all.cache'{options})\ndef load(x):\n    return {body}\n"
        )
    for _ in range(2):
        assert script("import a, b; print(a.load(1)[0], b.load(1)[0])").out == "a b\n"
    files = sorted(str(path.relative_to(script.place)) for path in script.place.rglob("x=1"))
    assert files == ["all.cache/a.load/x=1", "all.cache/b.load/x=1"]
    run = script(args=["-m", "a"])
    assert run.err == ""


@pytest.mark.parametrize("options", ["", ", version='1'", ", auto_invalidate=False"])
def test_files_that_share_a_cache_by_its_name_keep_apart(script, options):
    for name in "ab":
        (script.place / f"{name}.py").write_text(
            "from locache import persist, reset_cache\n"
            f"@persist(name='all'{options})\ndef load(x):\n    return {name!r}\n"
        )
    source = "import a, b; print(a.load(1), b.load(1), a.load.cache_info().misses)"
    assert script(source).out == "a b 1\n"
    assert script(source).out == "a b 0\n"
    reset = "import a, b; a.reset_cache(a.load, 'all'); " + source
    assert script(reset).out == "a b 1\n"


def write_shared(path, body, decorator="@persist(name='all')"):
    """Another of the same size and the same second has its bytecode compiled anew."""
    path.write_text(f"from locache import persist\n{decorator}\ndef load(x):\n    return {body}\n")
    shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)


@pytest.mark.once
@pytest.mark.parametrize("place", ["all", "sub/all"])
def test_a_directory_stays_with_the_file_that_had_it_first(script, place):
    """So that using both in turn does not rename it to and fro."""
    decorator = f"@persist(name={place!r})"

    def run(first, body):
        write_shared(script.place / f"{first}.py", body, decorator)
        out = script(f"import {first}; print({first}.load(1), {first}.load.cache_info().misses)")
        return out.out.split()

    assert run("a", "'a'") == ["a", "1"]
    assert run("b", "'b'") == ["b", "1"]
    inode = (script.place / f"{place}.cache/load").stat().st_ino
    for _ in range(2):
        assert run("a", "'a'") == ["a", "0"]
        assert run("b", "'b'") == ["b", "0"]
    assert (script.place / f"{place}.cache/load").stat().st_ino == inode
    assert run("b", "'c'") == ["c", "1"]  # edited, and undone
    assert run("b", "'b'") == ["b", "0"]
    assert run("a", "'c'") == ["c", "1"]
    assert run("a", "'a'") == ["a", "0"]
    assert script(args=["b.py"]).err == ""
    assert {path.parent.name for path in script.place.rglob("x=1")} >= {"load", "b.load"}


@pytest.mark.once
def test_a_function_that_was_moved_keeps_its_directory(script):
    """To another file, with its file, or copied: what it is made of is the same."""
    source = "import {0}; print({0}.load(1), {0}.load.cache_info().misses)"
    write_shared(script.place / "a.py", "'a'")
    assert script(source.format("a")).out == "a 1\n"
    write_shared(script.place / "b.py", "'a'")
    assert script(source.format("b")).out == "a 0\n"  # a copy
    (script.place / "a.py").write_text("from b import load\n")
    write_shared(script.place / "b.py", "'b'")
    assert script(source.format("b")).out == "b 1\n"  # moved, and edited
    (script.place / "b.py").rename(script.place / "c.py")
    assert script(source.format("c")).out == "b 0\n"
    assert [path.name for path in script.place.glob("all.cache/*load")] == ["load"]


def test_a_name_within_dir_is_the_functions(script):
    script(FOO.replace("@persist", "@persist(dir='here', name='mine')"))
    assert (script.place / "here" / "mine" / "x=1_num=3").is_file()
    with pytest.raises(ValueError, match="the function's own"):
        persist(dir="here", name="a/b")


def test_exec_repl_and_command_line_are_unnamed(script):
    source = FOO.replace("    ", "", 1)
    code = (
        "from locache import persist\nf = persist({})\n"
        "def g(x):\n    return x\nprint(persist({})(g)(1))\n"
    )
    unnamed = script(args=["-c", "from locache import persist; print(persist(lambda x: x)(1))"])
    assert unnamed.tree == ["unnamed.cache/lambda/x=1"]
    assert script(
        args=["-c", "from locache import persist; persist(name='n')(lambda x: x)(1)"]
    ).tree[0] == ("n.cache/lambda/x=1")
    assert "unnamed.cache/g/x=1" in script(args=["-"], stdin=code.format("", "")).tree
    repl = script(
        args=["-i"],
        stdin="from locache import persist\n@persist\ndef h(x): return x\n\nprint(h(1))\n",
    )
    assert "unnamed.cache/h/x=1" in repl.tree
    assert source


def test_exec_in_a_script(script):
    done = script("""
        from locache import persist
        scope = {"persist": persist}
        exec("@persist\\ndef f(x): return x\\n", scope)
        print(scope["f"](1))
    """)
    assert done.tree == ["unnamed.cache/f/x=1"]


def test_changing_directory_later_moves_nothing(script):
    done = script(
        args=["-c", "import locache, os; f = locache.persist(lambda x: x); os.chdir('/'); f(1)"]
    )
    assert done.tree == ["unnamed.cache/lambda/x=1"]


@pytest.mark.parametrize("packages", ["site-packages", "dist-packages"])
def test_installed_packages_cache_elsewhere(script, home, packages):
    where = script.place / "venv" / packages
    script(FOO, file=f"venv/{packages}/foo.py")
    done = script(
        "import foo; print(foo.my_func(1))", file="main.py", env={"PYTHONPATH": path_with(where)}
    )
    assert done.tree == []
    (result,) = below(home / "cache")
    assert result.startswith("locache/")
    assert result.endswith("/my_func/x=1_num=3")


def path_with(directory):
    return os.pathsep.join([str(directory), *filter(None, [os.environ.get("PYTHONPATH")])])


def test_module_in_a_zip_file(script, home):
    script(FOO)
    with zipfile.ZipFile(script.place / "lib.zip", "w") as archive:
        archive.write(script.place / "foo.py", "zipped/foo.py")
        archive.writestr("zipped/__init__.py", "")
    done = script(
        "from zipped.foo import my_func; print(my_func(1), my_func(1))",
        file="main.py",
        env={"PYTHONPATH": path_with(script.place / "lib.zip")},
    )
    assert done.out == "run\n3 3\n"
    assert done.err == ""
    assert len(below(home / "cache")) == 1


def test_locache_dir_overrides(script, tmp_path):
    done = script(FOO, env={"LOCACHE_DIR": str(tmp_path / "all")})
    assert done.tree == []
    assert len(below(tmp_path / "all")) == 1


@pytest.mark.parametrize(
    ("session", "options", "stem"),
    [
        ("", "", "notebook"),
        ("work/study.ipynb", "", "study"),
        ("no-notebook", "", "notebook"),
        ("study.ipynb", "(name='n')", "n"),
    ],
)
def test_notebook_cells_by_their_file_name(script, session, options, stem):
    source = f"""
        from locache import persist
        source = "@persist{options}\\ndef f(x): return x\\n"
        code = compile(source, "/tmp/ipykernel_4711/123.py", "exec")
        exec(code)
        f(1)
    """
    assert script(source, env={"JPY_SESSION_NAME": session}).tree == [f"{stem}.cache/f/x=1"]


def test_notebook_that_its_editor_names(script, tmp_path):
    source = f"""
        from locache import persist
        __vsc_ipynb_file__ = {str(tmp_path / "analysis.ipynb")!r}
        exec(compile("@persist\\ndef f(x): return x\\n", "<ipython-input-1-abc>", "exec"))
        f(1)
    """
    assert script(source).tree == []
    assert (tmp_path / "analysis.cache" / "f" / "x=1").is_file()


def test_names_of_nested_functions_methods_and_lambdas(script):
    done = script("""
        from locache import persist

        class Class:
            @persist
            def method(self, x):
                return x
            class Inner:
                @persist
                @staticmethod
                def static(x):
                    return x

        def outer():
            @persist
            def inner(x):
                return x
            return inner

        Class.Inner.static(1), outer()(1), persist(lambda x: x)(1), Class().method(1)
    """)
    assert [path.split("/")[1] for path in done.tree] == [
        "Class.Inner.static",
        "Class.method",
        "lambda",
        "outer.inner",
    ]


def test_two_processes_with_different_hash_seeds_share_results(script):
    source = """
        from locache import persist

        @persist
        def f(x):
            print("run")
            return len(x)

        print(f({"a", "b", "c"}), f({"x": 1, "y": 2}))
    """
    assert script(source, env={"PYTHONHASHSEED": "1"}).out == "run\nrun\n3 2\n"
    assert script(source, env={"PYTHONHASHSEED": "2"}).out == "3 2\n"


def test_optimised_runs_share_results(script):
    assert script(FOO).out == "run\n3\n"
    assert script(args=["-O", str(script.place / "foo.py")]).out == "3\n"
    assert sys.flags.optimize == 0


def test_reset_of_a_name_that_is_not_there_says_so(script):
    done = script("""
        import warnings
        from locache import persist, reset_cache
        @persist(name="there")
        def f(x):
            return x
        f(1)
        for name in ("there", "typo"):
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                reset_cache(f, name=name)
            print([str(one.message) for one in told])
    """)
    assert done.out == (
        "[]\n['reset_cache(): there is no typo.cache, so that nothing was forgotten']\n"
    )


def test_a_tilde_is_the_home(script, home):
    done = script(FOO.replace("@persist", "@persist(dir='~/mine')"), env={"LOCACHE_DIR": "~/all"})
    assert done.tree == []
    assert (home / "mine" / "foo.my_func" / "x=1_num=3").is_file()
    script(FOO, env={"LOCACHE_DIR": "~/all"})
    assert len(below(home / "all")) == 1
    assert not (script.place / "~").exists()
    with pytest.raises(ValueError, match="is not known"):
        persist(dir="~nobody-of-this-name/x")


def test_a_relative_dir_without_a_working_directory_is_told_by_the_first_call(script, tmp_path):
    done = script(f"""
        import os, warnings
        os.mkdir({str(tmp_path / "gone")!r})
        os.chdir({str(tmp_path / "gone")!r})
        os.rmdir({str(tmp_path / "gone")!r})
        from locache import persist
        @persist(dir="cache")
        def f(x):
            return x
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            print(f(1))
        print(["give an absolute path" in str(one.message) for one in told])
    """)
    assert done.out == "1\n[True]\n"


@pytest.mark.parametrize(
    ("file", "extra", "place"),
    [
        ("/tmp/ipython-input-3-4711.py", "", "notebook.cache"),
        ("<timed exec>", "", "notebook.cache"),
        ("<magic-timeit>", "", "notebook.cache"),
        ("/tmp/marimo_4711/__marimo__cell_Hbol_.py", "__file__ = '{}/book.py'", "book.cache"),
    ],
)
def test_cells_of_other_front_ends(script, file, extra, place):
    done = script(f"""
        from locache import persist
        scope = {{"persist": persist}}
        exec({extra.format(script.place)!r}, scope)
        exec(compile("@persist\\ndef f(x): return x\\n", {file!r}, "exec"), scope)
        scope["f"](1)
    """)
    assert done.tree == [f"{place}/f/x=1"]


def test_a_users_directory_by_a_functions_name(script):
    (script.place / "my_func").mkdir()
    (script.place / "my_func" / "measured.csv").write_text("1,2,3")
    old = script.place / "old" / "my_func"
    old.mkdir(parents=True)
    for name in ("x=1_num=3", "code.py"):  # as locache 2 has them
        (old / name).write_bytes(b"\x80\x04K\x03.")
    for place in (".", "old"):
        source = FOO.replace("@persist", f"@persist(dir={place!r}, max_entries=1)")
        source += "    my_func(2), my_func(3), my_func.cache_clear()\n"
        assert script(source).err == ""
    assert (script.place / "my_func" / "measured.csv").read_text() == "1,2,3"
    assert not (script.place / ".gitignore").exists()
    assert not (script.place / "CACHEDIR.TAG").exists()
    assert sorted(p.name for p in old.iterdir()) == ["code.py", "x=1_num=3"]
    assert (old / "x=1_num=3").read_bytes() == b"\x80\x04K\x03."
