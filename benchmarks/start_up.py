"""Time of `import ssmsym`, and from the start of a second process to its first SSM.

python benchmarks/start_up.py [--repetitions 5]
"""

import argparse
import statistics
import subprocess
import sys
import time

FIRST_SSM = """
import numpy as np, ssmsym
field = ssmsym.load(ssmsym.network_path('delay_n100_a'))
point = ssmsym.refine_fixed_point(field, np.zeros(100))
ssmsym.compute_ssm(field, point, modes=1, order=9)
"""


def wall_seconds(code):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repetitions", type=int, default=5)
    repetitions = options.parse_args().repetitions
    bare = statistics.median(wall_seconds("pass") for _ in range(repetitions))
    for name, code in (("import ssmsym", "import ssmsym"), ("first SSM of a second process", FIRST_SSM)):
        wall_seconds(code)  # fills the cache of compiled kernels
        times = [wall_seconds(code) for _ in range(repetitions)]
        print(
            f"{name}: {statistics.median(times):.2f} s ({min(times):.2f}-{max(times):.2f}), "
            f"of which Python itself {bare:.2f} s"
        )


if __name__ == "__main__":
    main()
