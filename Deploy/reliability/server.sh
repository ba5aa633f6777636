# Sourced by the scripts beside it, from the root of the tree: builds the server, starts and stops it.
. Deploy/dependencies.sh
need python3 /usr/bin/python3 /usr/local/bin/python3 "$(command -v python3 || echo /nowhere)"
need curl /usr/bin/curl
install_missing

folder=$(mktemp -d)
processes=
# Everything that was started ends with the script.
stop_all() {
    for process in $processes; do kill "$process" 2>/dev/null || true; done
    for process in $processes; do wait "$process" 2>/dev/null || true; done
    rm -rf "$folder"
}
trap stop_all EXIT
trap 'exit 1' INT TERM

build_server() {
    swift build -c release --product weightspace >&2
    weightspace=$(swift build -c release --show-bin-path)/weightspace
}

# make_venv: $venv has the Python packages that the scripts beside it need.
make_venv() {
    venv=.build/venv
    if "$venv/bin/python" -m pip install --quiet -r Deploy/reliability/requirements.txt 2>/dev/null; then return 0; fi
    if ! python3 -m venv "$venv" 2>/dev/null; then
        need python3-venv /nowhere
        install_missing
        python3 -m venv "$venv"
    fi
    "$venv/bin/python" -m pip install --quiet -r Deploy/reliability/requirements.txt
}

# free_port: the first one from FIRST_PORT on at which nobody listens.
free_port() {
    python3 - "${FIRST_PORT:-19100}" <<'END'
import socket, sys

for port in range(int(sys.argv[1]), 65536):
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
            candidate.listen()
        except OSError:
            continue
    print(port)
    break
END
}

# start_server NAME FLAG…: serves on a free port, with $url, $server (its process) and $log (its log) for it.
start_server() {
    log=$folder/$1.log
    shift
    port=$(free_port)
    url=http://127.0.0.1:$port
    "$weightspace" serve --port "$port" "$@" >/dev/null 2>"$log" &
    server=$!
    processes="$processes $server"
    wait_for "$url/readyz"
}

# wait_for URL [CURL OPTION]: until it answers 200, for at most 20 s.
wait_for() {
    tries=0
    until curl -sf -o /dev/null "$@"; do
        tries=$((tries + 1))
        if [ $tries -ge 200 ]; then
            echo "no answer from $1" >&2
            exit 1
        fi
        sleep 0.1
    done
}
