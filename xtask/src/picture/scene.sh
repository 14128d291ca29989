# A small machine for the picture: real servers in namespaces of their own, which end with this shell.
# Arguments: the binary, the columns, then Portward's own arguments.
set -eu
portward=$1 columns=$2
shift 2

mount -t tmpfs tmpfs /mnt
cp "$portward" /mnt/portward
hostname pine
ip link set lo up
ip link add eth0 type veth peer name router
ip address add 192.168.1.20/24 dev eth0
ip link set eth0 up
ip link set router up

# A person, and a home without a trace of the real one.
mount -t tmpfs tmpfs /home
cp /etc/passwd /mnt/passwd
grep -v ':1000:' /etc/passwd > /mnt/passwd
echo 'ana:x:1000:1000:Ana:/home/ana:/bin/sh' >> /mnt/passwd
mount --bind /mnt/passwd /etc/passwd
mkdir -p /home/ana/shop/web /home/ana/shop/api /home/ana/notes /home/ana/billing
cd /home/ana/shop
git init --quiet --initial-branch=main .
printf '{ "name": "shop", "private": true, "scripts": { "dev": "node server.js" } }\n' > package.json
printf 'require("http").createServer((q, r) => r.end("shop\\n")).listen(3000)\n' > server.js
git init --quiet --initial-branch=fix-42 /home/ana/billing
printf '<?php echo "billing\\n";\n' > /home/ana/billing/index.php
chown -R 1000:1000 /home/ana

as_ana() {
    setpriv --reuid=1000 --regid=1000 --clear-groups env -i HOME=/home/ana USER=ana PATH=/usr/bin:/bin "$@" > /dev/null 2>&1 < /dev/null &
}

if [ -x /usr/bin/npm ]; then as_ana npm run dev; elif [ -x /usr/bin/node ]; then as_ana node server.js; fi
cd /home/ana/notes
as_ana /usr/bin/python3 -m http.server 8000
cd /home/ana/billing
if [ -x /usr/bin/php ]; then as_ana php -S 127.0.0.1:8080; fi
cd /
if [ -x /usr/bin/redis-server ]; then
    setpriv --reuid=redis --regid=redis --clear-groups redis-server --save '' --dir /mnt --bind 127.0.0.1 ::1 > /dev/null 2>&1 &
fi
postgres=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -n 1 || true)
if [ -n "$postgres" ]; then
    mkdir /mnt/postgres
    mount -t tmpfs tmpfs /run
    mkdir -p /run/postgresql
    chown postgres:postgres /mnt/postgres /run/postgresql
    as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups env HOME=/mnt/postgres "$@" > /dev/null 2>&1; }
    as_postgres "$postgres/initdb" --pgdata /mnt/postgres/data --no-sync
    as_postgres "$postgres/postgres" -D /mnt/postgres/data &
fi

# A server is there when it accepts, a client when it has connected.
await() {
    tries=0
    until /usr/bin/python3 -c "import socket; socket.create_connection(('127.0.0.1', $1), 1)" 2> /dev/null; do
        tries=$((tries + 1))
        if [ "$tries" -ge 100 ]; then return; fi
        sleep 0.1
    done
}
await 3000
await 8000
if [ -x /usr/bin/php ]; then await 8080; fi
if [ -x /usr/bin/redis-server ]; then await 6379; fi
if [ -n "$postgres" ]; then await 5432; fi
cd /home/ana/shop
as_ana /usr/bin/python3 -c "
import socket, time
held = [socket.create_connection(('127.0.0.1', port)) for port in (6379, 6379, 5432)]
time.sleep(600)"
sleep 1

export HOME=/home/ana TERM=xterm-256color LANG=C.UTF-8
unset NO_COLOR CI CLICOLOR
script --quiet --flush --command "stty cols $columns rows 50; exec /mnt/portward $*" /dev/null < /dev/null
