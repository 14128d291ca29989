# Starts a PostgreSQL of its own at a port, in this folder: `postgres.sh PORT COMMAND`.
set -e
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
chmod 777 .
as="setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=$PWD LC_ALL=C"
$as "$bin/initdb" -D d -U app -A trust > /dev/null 2>&1
echo "host reject all 127.0.0.1/32 reject" > d/pg_hba.new
echo "host all all 127.0.0.1/32 trust" >> d/pg_hba.new
cp d/pg_hba.new d/pg_hba.conf
$as "$bin/pg_ctl" -D d -o "-p $1 -k $PWD -c listen_addresses=127.0.0.1,10.77.0.1" -l log -w -t 8 start > /dev/null 2>&1 || true
shift
sh -c "$*" || true
$as "$bin/pg_ctl" -D d -m immediate stop > /dev/null 2>&1
