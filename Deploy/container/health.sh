#!/bin/bash
# The image's health check: asks /livez over bash's /dev/tcp, so that the image needs no HTTP client. Exits 0 for 200.
# Liveness and not readiness: a container that drains or still loads is not to be replaced for it.
exec 3<>"/dev/tcp/127.0.0.1/${WEIGHTSPACE_PORT:-8080}" || exit 1
printf 'GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r -t 3 _ status _ <&3 && [ "$status" = 200 ]
