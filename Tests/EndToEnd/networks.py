# SPDX-License-Identifier: Apache-2.0
"""Whether this system allows network namespaces, and a command that must do without (network_namespaces(7))."""

import subprocess


def _can(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20).returncode == 0


HAS_NETWORKS = _can("unshare", "--map-root-user", "--net", "true")
HAS_USERS = _can("unshare", "--map-root-user", "true")
# Takes a command the right to a network of its own, and leaves it all others. Needs a user namespace.
WITHOUT_NETWORKS = (
    "unshare", "--user", "--map-root-user", "sh", "-c", 'echo 0 > /proc/sys/user/max_net_namespaces; exec "$0" "$@"')
