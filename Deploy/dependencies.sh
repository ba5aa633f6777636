# Sourced by the scripts beside it: installs what the build links against, where it is missing.

# need PACKAGE FILE…: installs the Debian package unless one of the files is there.
need() {
    package=$1
    shift
    for file in "$@"; do
        if [ -e "$file" ]; then return 0; fi
    done
    missing="${missing:-} $package"
}

# install_missing: apt-get, as root or through sudo.
install_missing() {
    if [ -z "${missing:-}" ]; then return 0; fi
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "missing:$missing; install them with your package manager (Debian's names)" >&2
        exit 1
    fi
    as_root=
    if [ "$(id -u)" != 0 ]; then as_root=sudo; fi
    echo "installing:$missing" >&2
    $as_root apt-get update -qq
    # shellcheck disable=SC2086  # a list of names
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
    missing=
}

if ! command -v swift >/dev/null 2>&1; then
    echo "swift is not on PATH; install Swift 6.2 or later from swift.org" >&2
    exit 1
fi
if command -v pkg-config >/dev/null 2>&1 && pkg-config --exists openblas; then :; else
    need libopenblas-dev /usr/include/x86_64-linux-gnu/cblas.h /usr/include/aarch64-linux-gnu/cblas.h /usr/include/cblas.h
fi
need zlib1g-dev /usr/include/zlib.h
