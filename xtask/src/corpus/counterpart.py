# The other side of a failing program: `counterpart.py ROLE PORT`; says READY, and stays until it is ended.
#   held    listens on both families, as whoever has the port already
#   udp     the same with UDP sockets
#   full    has a full queue of connections, so that the kernel drops further attempts
#   silent  takes connections and never says a word
#   closes  takes a connection, reads once and closes it
#   http    answers everything as an HTTP server does
import socket, sys, threading

role, port = sys.argv[1], int(sys.argv[2])
held = []


def listener(family, address, backlog):
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.bind((address, port))
    made.listen(backlog)
    held.append(made)
    return made


def answer(peer):
    try:
        if role == "silent":
            while peer.recv(4096):
                pass
        elif role == "closes":
            peer.recv(4096)
        else:
            while peer.recv(4096):
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\nServer: other\r\nContent-Type: text/html\r\nContent-Length: 15\r\nConnection: close\r\n\r\n<h1>Sorry.</h1>")
                break
    except OSError:
        pass
    peer.close()


def serve(made):
    while True:
        peer, _ = made.accept()
        threading.Thread(target=answer, args=(peer,), daemon=True).start()


if role == "udp":
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        made = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address, port))
        held.append(made)
    print("READY", flush=True)
    threading.Event().wait()
four, six = listener(socket.AF_INET, "0.0.0.0", 0 if role == "full" else 16), listener(socket.AF_INET6, "::", 0 if role == "full" else 16)
if role == "full":
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        for _ in range(4):
            client = socket.socket(family)
            client.setblocking(False)
            client.connect_ex((address, port))
            held.append(client)
elif role != "held":
    for made in (four, six):
        threading.Thread(target=serve, args=(made,), daemon=True).start()
print("READY", flush=True)
threading.Event().wait()
