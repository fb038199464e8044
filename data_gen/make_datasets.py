"""Write rows of any task, or a dataset of yours in a task's columns, as a dataset; see ``--help``.

python data_gen/make_datasets.py --task math --size 10000 --format parquet --out runs/math
"""

import sys

from mrlm.data.job import main

if __name__ == "__main__":
    sys.exit(main())
