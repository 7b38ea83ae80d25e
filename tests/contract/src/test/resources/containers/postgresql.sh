#!/bin/bash
# Starts PostgreSQL in an image that has Debian's package or in the official image.
set -e
if command -v docker-entrypoint.sh >/dev/null; then
  exec docker-entrypoint.sh postgres
fi
version=$(ls /usr/lib/postgresql | sort -n | tail -n 1)
bin=/usr/lib/postgresql/$version/bin
data=/var/lib/postgresql/skerry
install -d -o postgres -g postgres -m 700 "$data" /var/run/postgresql
as_postgres() { runuser -u postgres -- "$@"; }
printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
chmod 644 /tmp/password
as_postgres "$bin/initdb" -D "$data" -U "$POSTGRES_USER" --pwfile=/tmp/password -A scram-sha-256 >/dev/null
as_postgres "$bin/pg_ctl" -D "$data" -w -l /dev/null -o "-c listen_addresses=''" start >/dev/null
PGPASSWORD=$POSTGRES_PASSWORD as_postgres "$bin/createdb" -h /var/run/postgresql -U "$POSTGRES_USER" "$POSTGRES_DB"
as_postgres "$bin/pg_ctl" -D "$data" -w stop >/dev/null
echo "host all all all scram-sha-256" >>"$data/pg_hba.conf"
exec runuser -u postgres -- "$bin/postgres" -D "$data" -c "listen_addresses=*"
