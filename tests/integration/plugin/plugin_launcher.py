"""Starts the plugin with a test's limits and socket directory; a program for the interpreter that runs the plugin.

As a script it is given the plugin's folder; frozen into a static file it finds the plugin there.
"""

import posix
import sys

for folder in sys.argv[1:]:
    sys.path.insert(0, folder)
import infoblox  # noqa: E402

infoblox.LIMITS.update(eval(posix.environ.pop(b"PLUGIN_LIMITS")))  # noqa: S307, the test's own text
infoblox.SOCKET_DIRECTORY = posix.environ.pop(b"PLUGIN_SOCKET_DIRECTORY").decode()
sys.argv = ["/opt/cni/bin/infoblox"]
infoblox.main()
