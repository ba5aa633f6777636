#!/bin/sh
# Holds the tree to its architecture: a target imports only what the manifest grants it, and unsafe code stays put.
# With --self-test it plants a breach of each rule in a copy of the tree and fails unless every one is found.
set -eu
cd "$(dirname "$0")/.."

if [ "${1:-}" = --self-test ]; then
    copy=$(mktemp -d)
    trap 'rm -rf "$copy"' EXIT
    cp -R Sources Deploy "$copy"
    # breach FILE LINE: the check must fail with LINE in FILE, and pass without it.
    breach() {
        echo "$2" >"$copy/Sources/$1/Breach.swift"
        if sh "$copy/Deploy/check-structure.sh" >/dev/null 2>&1; then
            echo "not found: '$2' in $1" >&2
            exit 1
        fi
        rm "$copy/Sources/$1/Breach.swift"
    }
    sh "$copy/Deploy/check-structure.sh"
    breach Engine 'import Networks'
    breach HTTPCore 'import ModelStore'
    breach Networks 'let pointer = UnsafePointer<Float>(bitPattern: 0)'
    breach Tensors 'let value = try! make()'
    exit 0
fi

failed=0
fail() {
    echo "$1" >&2
    failed=1
}

# allowed TARGET NAME…: the package's own modules that TARGET may import. Lower layers come first.
allowed() {
    target=$1
    shift
    for module in Tensors WeightFormats Networks Engine NeuralFunctionals ModelStore Clocks HTTPCore HTTPServer Batching \
        OpenInference InferenceService Systemd Datasets Fitting Training Benchmarks CKernels CStartup COpenBLAS CZlib CLinux; do
        case " $* " in *" $module "*) continue ;; esac
        found=$(grep -rlE "^(@[a-z]+ )?import $module\$" "Sources/$target" || true)
        if [ -n "$found" ]; then fail "$target must not import $module: $found"; fi
    done
}
allowed Tensors
allowed WeightFormats Tensors CZlib
allowed Networks Tensors
allowed Engine CKernels COpenBLAS CLinux
allowed NeuralFunctionals Tensors Networks Engine
allowed ModelStore Tensors WeightFormats Networks Engine NeuralFunctionals
allowed Datasets Tensors WeightFormats Networks
allowed Fitting Tensors Networks Engine Datasets
allowed Training Tensors WeightFormats Networks Engine NeuralFunctionals ModelStore Datasets
allowed Benchmarks Tensors WeightFormats Networks Engine NeuralFunctionals ModelStore Datasets Fitting Training
allowed Clocks CLinux
allowed HTTPCore Clocks
allowed HTTPServer Clocks HTTPCore CLinux
allowed Batching Clocks
allowed Systemd
allowed OpenInference Tensors WeightFormats
allowed InferenceService Tensors WeightFormats Networks Engine NeuralFunctionals ModelStore OpenInference Clocks HTTPCore Batching

# Raw memory and unchecked promises, outside the targets that are allowed them, a client's socket and a counter's symbol.
found=$(grep -rnE 'Unsafe[A-Z]|withUnsafe|@unchecked Sendable|unsafeBitCast' Sources \
    --include='*.swift' --exclude-dir=Engine --exclude-dir=WeightFormats --exclude-dir=HTTPServer --exclude-dir=Systemd \
    --exclude=ClientConnection.swift \
    --exclude=AllocationBenchmark.swift || true)
if [ -n "$found" ]; then fail "unsafe code outside Engine, WeightFormats, HTTPServer and Systemd:
$found"; fi

# Traps that input could reach.
found=$(grep -rnE 'try!|as!|fatalError\(' Sources --include='*.swift' || true)
if [ -n "$found" ]; then fail "traps in Sources:
$found"; fi

exit $failed
