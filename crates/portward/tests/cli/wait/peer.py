"""Servers of every temper, for the tests of `portward wait`: peer.py ROLE PORT [ARGUMENT]...

A role says LISTENING once it does, and a line for each request that it takes.
"""

import os
import socket
import ssl
import struct
import sys
import time

role, port, *more = sys.argv[1:]


def listener():
    if not port.isdigit():
        made = socket.socket(socket.AF_UNIX)
        made.bind(port)
    else:
        host = "::1" if role == "stranger" else "127.0.0.1"
        made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, int(port)))
    made.listen(64)
    print("LISTENING", flush=True)
    return made


def request(client):
    heard = b""
    while b"\r\n\r\n" not in heard:
        try:
            part = client.recv(4096)
        except OSError:
            return heard
        if not part:
            return heard
        heard += part
    return heard


def answer(status, body=b"all is up", fields=b""):
    return b"HTTP/1.1 %s\r\nX-Ready: yes\r\n%sContent-Length: %d\r\n\r\n%s" % (status, fields, len(body), body)


def page(heard, number):
    """What a site answers: by its path."""
    path = heard.split(b" ")[1] if b" " in heard else b"/"
    if path.startswith(b"/busy"):
        return answer(b"503 Service Unavailable")
    if path == b"/none":
        return answer(b"404 Not Found")
    if path == b"/moved":
        return answer(b"302 Found", fields=b"Location: /\r\n")
    if path == b"/third" and number < 3:
        return answer(b"503 Service Unavailable")
    if path == b"/in-turn":
        return answer(b"200 OK" if number % 2 else b"500 Oops")
    if path == b"/socket":
        return b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    if path == b"/pieces":
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nall is\r\n3\r\n up\r\n0\r\n\r\n"
    return answer(b"200 OK")


def error_of_postgres(code, words):
    fields = b"SFATAL\0VFATAL\0C%s\0M%s\0Fpostmaster.c\0\0" % (code, words)
    return b"E" + struct.pack(">I", len(fields) + 4) + fields


def serve():
    number = 0
    ear = listener()
    context = None
    names = []
    if role in ("secure", "secure-redis"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(more[0], more[1])
        context.sni_callback = lambda _, name, __: names.append(name)
    kept = []
    while True:
        client, _ = ear.accept()
        number += 1
        if context:
            try:
                client = context.wrap_socket(client, server_side=True)
            except (ssl.SSLError, OSError) as error:
                print("REFUSED", type(error).__name__, flush=True)
                continue
        if role == "stranger" or (role == "mute-at-first" and number == 1):
            kept.append(client)
            continue
        if role == "slow-at-first":
            # Only the first request is ever answered, and late.
            if number == 1:
                request(client)
                time.sleep(2.5)
                client.sendall(answer(b"200 OK"))
                client.close()
            kept.append(client)
            continue
        if role == "busy-then-mute" and number > 1:
            kept.append(client)
            continue
        if role == "postgres":
            client.recv(4096)
            client.sendall(error_of_postgres(b"57P03", b"the database system is starting up"))
        elif role == "redis":
            client.recv(4096)
            client.sendall(b"-LOADING Redis is loading the dataset in memory\r\n")
        elif role == "secure-redis":
            client.recv(4096)
            client.sendall(b"+PONG\r\n")
        else:
            heard = request(client)
            lines = heard.decode(errors="replace").split("\r\n")
            print("ASKED", " | ".join(lines[:1] + sorted(lines[1:-2])), *names[-1:], flush=True)
            reply = answer(b"503 Service Unavailable") if role == "busy-then-mute" else page(heard, number)
            try:
                client.sendall(reply)
            except OSError as error:
                print("CUT OFF", error, flush=True)
        client.close()


serve()
