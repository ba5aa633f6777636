#!/bin/sh
# Puts nginx and HAProxy, as Deploy/proxies recommends them, in front of the server and sends smuggled and ordinary
# requests through: one request in must be one request seen, or none.
#   sh Deploy/reliability/proxies.sh
set -eu
cd "$(dirname "$0")/../.."
. Deploy/reliability/server.sh
need nginx-light /usr/sbin/nginx
need haproxy /usr/sbin/haproxy
need openssl /usr/bin/openssl
install_missing
build_server

# Started by root, they work as somebody else; only root can.
chmod 711 "$folder"
unprivileged=
if [ "$(id -u)" != 0 ]; then unprivileged='/^ *\(user\|group\|chroot\) /d'; fi
certificate=$folder/certificate.pem
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=weightspace.example \
    -addext subjectAltName=DNS:weightspace.example -keyout "$folder/key.pem" -out "$certificate" 2>/dev/null
cat "$certificate" "$folder/key.pem" >"$folder/both.pem"

# through NAME PROGRAM ARGUMENT…: starts the server and the proxy, and checks.
through() {
    name=$1
    shift
    echo "== $name"
    "$@" >"$folder/$name.out" 2>&1 &
    proxy=$!
    processes="$processes $proxy"
    wait_for "https://127.0.0.1:$proxy_port/readyz" --insecure
    python3 Deploy/reliability/proxy_checks.py "127.0.0.1:$proxy_port" "$certificate" "$url" "$log"
}

start_server nginx-server --log-format json --log-level debug
proxy_port=$(free_port)
sed -e "s|^pid .*|pid $folder/nginx.pid;\ndaemon off;|" \
    -e "s|listen 443 ssl|listen 127.0.0.1:$proxy_port ssl|" -e "s|127.0.0.1:8080|127.0.0.1:$port|" \
    -e "s|/etc/ssl/weightspace/fullchain.pem|$certificate|" -e "s|/etc/ssl/weightspace/privkey.pem|$folder/key.pem|" \
    -e "s|/var/log/nginx|$folder|" \
    -e "$unprivileged" \
    -e "s|^http {|http {\n    client_body_temp_path $folder/bodies;\n    proxy_temp_path $folder/answers;|" \
    Deploy/proxies/nginx.conf >"$folder/nginx.conf"
through nginx nginx -c "$folder/nginx.conf" -e "$folder/nginx.err"

start_server haproxy-server --log-format json --log-level debug
proxy_port=$(free_port)
sed -e "s|bind :443|bind 127.0.0.1:$proxy_port|" -e "s|/etc/haproxy/weightspace.pem|$folder/both.pem|" \
    -e "s|127.0.0.1:8080|127.0.0.1:$port|" -e "$unprivileged" Deploy/proxies/haproxy.cfg >"$folder/haproxy.cfg"
through haproxy haproxy -db -f "$folder/haproxy.cfg"
