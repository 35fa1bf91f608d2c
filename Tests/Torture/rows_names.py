# SPDX-License-Identifier: Apache-2.0
"""Row 25: a resolver that answers nothing."""

from common import Failed


def blackhole(setting):
    raise Failed("names are not resolved yet")
