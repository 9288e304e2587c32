"""The same cache as primes.c: what one computes, the other finds."""

import sys

from locache import persist


@persist(dir="primes.cache", name="count_primes", version="1")
def count_primes(limit):
    print("Python counts ...")
    return sum(all(n % divisor for divisor in range(2, int(n**0.5) + 1)) for n in range(2, limit))


limit = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
print(f"{count_primes(limit)} primes below {limit}")
