# SPDX-License-Identifier: Apache-2.0
"""Makes the modules of the Python client importable. To be imported before them."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Clients" / "python"))
