"""Connections: both ends, half ends, full queues."""

import os
import socket
import time

import stage


def connect(*specs):
    """A client with one connection per SPEC."""
    stage.ready(*[stage.dial(spec) for spec in specs])


def pairs(count, spec):
    """A server process and a client process with COUNT connections between them."""
    listener = stage.open_socket(spec)
    transport, _, _ = stage.split(spec)
    where = listener.getsockname()
    target = f"{transport}/{stage.fact(listener)['path']}" if transport.startswith("unix") else target_of(transport, where)

    def client(report):
        listener.close()
        mine = [stage.dial(target) for _ in range(int(count))]
        report(ports=[stage.fact(sock).get("port", 0) for sock in mine], inodes=[stage.fact(sock)["inode"] for sock in mine])
        stage.rest()

    pid, said = stage.fork(client)
    accepted = [listener.accept()[0] for _ in range(int(count))]
    stage.OPEN.append(listener)
    stage.OPEN.extend(accepted)
    stage.say("READY", pid=os.getpid(), client=pid, client_ports=said["ports"], client_inodes=said["inodes"],
              accepted_inodes=[stage.fact(sock)["inode"] for sock in accepted], sockets=[stage.fact(listener)])


def target_of(transport, name):
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(name[0], name[0])
    return f"{transport}/[{host}]:{name[1]}" if ":" in host else f"{transport}/{host}:{name[1]}"


def time_wait(spec):
    """A port that only a closed connection's TIME_WAIT entry occupies."""
    listener = stage.open_socket(spec)
    name = listener.getsockname()
    client = stage.dial(target_of("tcp", name))
    server, peer = listener.accept()
    server.close()
    client.recv(1)
    client.close()
    listener.close()
    stage.say("READY", pid=os.getpid(), port=name[1], client_port=peer[1])


def half_closed(spec):
    """A connection whose client has closed its half: FIN_WAIT2 there, CLOSE_WAIT here."""
    listener = stage.open_socket(spec)
    client = stage.dial(target_of("tcp", listener.getsockname()))
    server, peer = listener.accept()
    client.shutdown(socket.SHUT_WR)
    server.recv(1)
    # The acknowledgement may be delayed; the first byte of tcp_info is the state, and 5 is FIN_WAIT2.
    while client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) != b"\x05":
        time.sleep(0.005)
    stage.OPEN.extend([listener, client, server])
    stage.say("READY", pid=os.getpid(), client_port=peer[1], sockets=[stage.fact(listener)])


def crowded(clients, spec):
    """A listener that never accepts, and CLIENTS that connect from another process. As many as fit are connected when
    it is ready; the rest keep trying."""
    listener = stage.open_socket(spec)
    _, _, options = stage.split(spec)
    name = listener.getsockname()
    fit = min(int(clients), int(options.get("backlog", 128)) + 1)

    def crowd(report):
        listener.close()
        held = [stage.dial(target_of("tcp", name)) for _ in range(fit)]
        for _ in range(int(clients) - fit):
            sock = socket.socket(listener.family, socket.SOCK_STREAM)
            sock.setblocking(False)
            sock.connect_ex(name)
            held.append(sock)
        report(ports=[sock.getsockname()[1] for sock in held])
        stage.rest()

    pid, _ = stage.fork(crowd)
    stage.ready(listener, client=pid, queued=fit)


def relay(spec, *targets):
    """A service with a listener of its own and a connection to each TARGET."""
    listener = stage.open_socket(spec)
    stage.ready(listener, *[stage.dial(target) for target in targets])


def unread(spec, size):
    """A UDP socket with one datagram of SIZE bytes waiting in it."""
    sock = stage.open_socket(spec)
    sender = stage.dial(target_of("udp", sock.getsockname()))
    sender.send(b"x" * int(size))
    stage.ready(sock, sender)


ROLES = {"connect": connect, "pairs": pairs, "time-wait": time_wait, "half-closed": half_closed, "crowded": crowded,
         "relay": relay, "unread": unread}
