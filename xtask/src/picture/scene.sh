# A small machine for the picture: real servers in namespaces of their own, which end with this shell.
# Arguments: the binary, the columns, a control group of our own or nothing, then Portward's own arguments.
set -eu
portward=$1 columns=$2 group=$3

# Services have units: their groups lie below ours, which a namespace makes the top.
if [ -n "$group" ] && [ -z "${PORTWARD_SCENE:-}" ]; then
    mkdir "$group/services"
    echo $$ > "$group/services/cgroup.procs"
    export PORTWARD_SCENE=1
    exec unshare --cgroup sh "$0" "$@"
fi
shift 3
cd /

mount -t tmpfs tmpfs /mnt
cp "$portward" /mnt/portward
hostname pine
ip link set lo up
# A card of its own: a veth would be taken, rightly, for a container's.
ip link add cable type veth peer name wall
ip link set cable up
ip link set wall up
ip link add link cable name eth0 type macvlan
# A link-local address would be another one in every picture.
ip link set eth0 addrgenmode none
ip address add 192.168.1.20/24 dev eth0
ip link set eth0 up

# A person, and a home without a trace of the real one.
mount -t tmpfs tmpfs /home
grep -v ':1000:' /etc/passwd > /mnt/passwd
echo 'ana:x:1000:1000:Ana:/home/ana:/bin/bash' >> /mnt/passwd
mount --bind /mnt/passwd /etc/passwd
mkdir -p /home/ana/shop /home/ana/notes /home/ana/billing
git init --quiet --initial-branch=main /home/ana/shop
printf '{ "name": "shop", "private": true, "scripts": { "dev": "node server.js" } }\n' > /home/ana/shop/package.json
printf 'require("http").createServer((q, r) => r.end("shop\\n")).listen(3000)\n' > /home/ana/shop/server.js
git init --quiet --initial-branch=fix-42 /home/ana/billing
printf '<?php echo "billing\\n";\n' > /home/ana/billing/index.php
chown -R 1000:1000 /home/ana

# What she typed into her shell.
cat > /mnt/typed <<'TYPED'
exec > /dev/null 2>&1
(cd ~/shop && exec npm run dev < /dev/null) &
(cd ~/notes && exec python3 -m http.server 8000 < /dev/null) &
(cd ~/billing && exec php -S 127.0.0.1:8080 < /dev/null) &
wait
TYPED
setpriv --reuid=1000 --regid=1000 --clear-groups env -i HOME=/home/ana USER=ana PATH=/usr/bin:/bin \
    bash -c 'cd; exec -a -bash bash' < /mnt/typed &

# A service in the group of its unit, where there are groups.
serve() {
    unit=$1 user=$2
    shift 2
    if [ -n "$group" ]; then
        mkdir -p "$group/services/system.slice/$unit"
    fi
    (
        if [ -n "$group" ]; then sh -c 'echo $PPID > "$1"' sh "$group/services/system.slice/$unit/cgroup.procs"; fi
        exec setpriv --reuid="$user" --regid="$user" --clear-groups env HOME=/mnt "$@" > /dev/null 2>&1 < /dev/null
    ) &
}
if [ -x /usr/bin/redis-server ]; then
    serve redis-server.service redis redis-server --save '' --dir / --bind 127.0.0.1 ::1
fi
postgres=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -n 1 || true)
if [ -n "$postgres" ]; then
    mkdir /mnt/postgres
    mount -t tmpfs tmpfs /run
    mkdir -p /run/postgresql
    chown postgres:postgres /mnt/postgres /run/postgresql
    setpriv --reuid=postgres --regid=postgres --clear-groups env HOME=/mnt \
        "$postgres/initdb" --pgdata /mnt/postgres/data --no-sync > /dev/null 2>&1
    serve postgresql@15-main.service postgres "$postgres/postgres" -D /mnt/postgres/data
fi

# A server is there when it accepts.
await() {
    tries=0
    until /usr/bin/python3 -c "import socket; socket.create_connection(('127.0.0.1', $1), 1)" 2> /dev/null; do
        tries=$((tries + 1))
        if [ "$tries" -ge 100 ]; then return; fi
        sleep 0.1
    done
}
if [ -x /usr/bin/npm ]; then await 3000; fi
await 8000
if [ -x /usr/bin/php ]; then await 8080; fi
if [ -x /usr/bin/redis-server ]; then await 6379; fi
if [ -n "$postgres" ]; then await 5432; fi
cat > /mnt/clients <<'CLIENTS'
import socket, time
held = []
for port in (3000, 6379, 6379, 5432):
    try:
        held.append(socket.create_connection(("127.0.0.1", port)))
    except OSError:
        pass
time.sleep(600)
CLIENTS
setpriv --reuid=1000 --regid=1000 --clear-groups /usr/bin/python3 /mnt/clients > /dev/null 2>&1 &
sleep 1

export HOME=/home/ana TERM=xterm-256color LANG=C.UTF-8
unset NO_COLOR CI CLICOLOR PORTWARD_SCENE
script --quiet --flush --command "cd; stty cols $columns rows 50; exec /mnt/portward $*" /dev/null < /dev/null
