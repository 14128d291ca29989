"""The cast: small odd processes that tests look at. `cast.py ROLE ARGUMENT...`; roles.md lists the roles.

An actor prints `READY {...}` with its pids and sockets when its scene is set, then obeys commands from stdin, and
ends when stdin does. It speaks only on loopback and in namespaces that its test made.
"""

import sys

import holders
import links
import programs
import spaces
import stage


def listen(*specs):
    """A process with one socket per SPEC."""
    stage.ready(*[stage.open_socket(spec) for spec in specs])


ROLES = {"listen": listen, **holders.ROLES, **links.ROLES, **programs.ROLES, **spaces.ROLES}


def main():
    role, *arguments = sys.argv[1:]
    stage.die_with_parent()
    ROLES[role](*arguments)
    stage.obey()


if __name__ == "__main__":
    main()
