"""Sockets of one network namespace and processes of another."""

import os

import stage


def import_socket(netns, spec):
    """A process here that holds a listener of the namespace at the path NETNS."""
    here = stage.enter_netns(netns)
    sock = stage.open_socket(spec)
    stage.back_to_netns(here)
    stage.ready(sock)


def emigrate(netns, spec):
    """A process that opens a listener here and then moves to the namespace at the path NETNS."""
    sock = stage.open_socket(spec)
    os.close(stage.enter_netns(netns))
    stage.ready(sock)


ROLES = {"import": import_socket, "emigrate": emigrate}
