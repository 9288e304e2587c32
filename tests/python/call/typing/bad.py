"""What mypy must refuse: every line that says so."""

from locache import Key, persist


@persist
def function(x: int, num: float = 3) -> str:
    return str(x * num)


class Model:
    @persist
    def run(self, x: int) -> str:
        return str(x)


function("x")  # error: arg-type
function()  # error: call-arg
function(1, 2, 3)  # error: call-arg
function(1, nmu=2)  # error: call-arg
function.cache_path("x")  # error: arg-type
function.is_cached()  # error: call-arg
wrong: int = function(1)  # error: assignment
Model().run("x")  # error: arg-type
Model().run(1, 2)  # error: call-arg
persist(3)  # error: call-overload
persist(nme="x")  # error: call-overload
persist(name=3)  # error: call-overload
persist(memory="all")  # error: call-overload
persist(memory=(1, 2, 3))  # error: arg-type
persist(recheck="1")  # error: call-overload
persist(mapped=3)  # error: call-overload
persist(key="x")  # error: call-overload
persist(key=["x"])  # error: call-overload
Key("x")  # error: arg-type
