"""The magnetisation of a two-dimensional Ising magnet, swept through its phase transition.

Metropolis sampling on a periodic square lattice: half a second for each temperature the first time,
and a file read afterwards. Add temperatures to the sweep and only those are computed.
"""

import random
from math import exp
from time import perf_counter

from locache import persist


@persist
def magnetisation(temperature, size=32, sweeps=3000, seed=1):
    """Mean absolute magnetisation per spin, from 0 (disorder) to 1 (order)."""
    rng = random.Random(seed)
    spins = [[1] * size for _ in range(size)]
    # The energy that a flip costs is 2 * spin * neighbours: -8, -4, 0, 4 or 8.
    accept = {cost: min(1.0, exp(-cost / temperature)) for cost in (-8, -4, 0, 4, 8)}
    total, samples = 0.0, 0
    for sweep in range(sweeps):
        for row in range(size):
            above, here, below = spins[row - 1], spins[row], spins[(row + 1) % size]
            for column in range(size):
                neighbours = (
                    above[column] + below[column] + here[column - 1] + here[(column + 1) % size]
                )
                if rng.random() < accept[2 * here[column] * neighbours]:
                    here[column] = -here[column]
        if sweep >= sweeps // 4:  # the first quarter is for settling
            total += abs(sum(map(sum, spins))) / size**2
            samples += 1
    return total / samples


def main():
    begin = perf_counter()
    for tenths in range(16, 33, 2):
        before = perf_counter()
        m = magnetisation(tenths / 10)
        took = perf_counter() - before
        bar = "#" * round(40 * m)
        print(f"T = {tenths / 10:.1f}   |m| = {m:.3f}   {bar:40}   {1000 * took:9.3f} ms")
    print(f"{perf_counter() - begin:.4f} seconds in all")


if __name__ == "__main__":
    main()
