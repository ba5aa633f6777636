#!/bin/sh
# Fuzzes the readers of uploads and of HTTP with libFuzzer, one target after the other. Fails on any finding: a trap, a
# property that does not hold, more than a second of processor time, or memory beyond four times the body limit.
#   sh Tests/Fuzzing/fuzz.sh [--address] [RUNS] [TARGET…]     RUNS of each target: 100000, or seconds as in 60s
#   sh Tests/Fuzzing/fuzz.sh --minimise [TARGET…]            writes Tests/Fuzzing/Corpus anew from what was found
# --address adds the address sanitizer, with which it is slower. FUZZ_OPTIONS are libFuzzer's, such as -max_len=65536.
# A run starts from the inputs in Tests/Fuzzing/Corpus/TARGET.zip and from those of earlier runs, which are kept in
# .build-fuzz/corpus; findings are in .build-fuzz/findings and counts in .build-fuzz/executions.tsv. For a new target,
# Tests/Fuzzing/seeds.py writes the first inputs.
set -eu
cd "$(dirname "$0")/../.."
. Deploy/dependencies.sh
need python3 /usr/bin/python3 /usr/local/bin/python3 "$(command -v python3 || echo /nowhere)"
install_missing

work=.build-fuzz
packed=$work/packed
kind=plain
minimise=
scratch=$work/plain
sanitize=fuzzer
case "${1:-}" in
--address)
    kind=address
    scratch=$work/address
    sanitize=address,fuzzer
    shift
    ;;
--minimise)
    minimise=yes
    shift
    ;;
esac
amount=100000
case "${1:-}" in
[0-9]*)
    amount=$1
    shift
    ;;
esac
all='safetensors npy zip torch pickle json coding multipart picture png manifest upload service http-parser http-connection'
targets=${*:-$all}

# The last -sanitize on a command line is the one that counts for Swift; for C they add up.
build() {
    WEIGHTSPACE_FUZZ=1 swift build -c release --product fuzz --scratch-path "$scratch" --sanitize fuzzer \
        -Xswiftc -sanitize="$sanitize" -Xcc -fsanitize="$sanitize" "$@"
}
build
fuzz=$(build --show-bin-path)/fuzz
export SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0
mkdir -p "$work/findings"
if [ ! -e "$work/executions.tsv" ]; then
    printf 'target\tsanitizer\truns\tper second\tedges\tms\tKiB\tfindings\n' >"$work/executions.tsv"
fi

# unpack TARGET: the inputs of its archive, as files.
unpack() {
    rm -rf "${packed:?}/$1"
    python3 Tests/Fuzzing/corpus.py unpack "$packed/$1" "$1"
}

# minimise TARGET: keeps a small set of inputs that reaches every edge that all known inputs reach.
minimise() {
    rm -rf "$work/small/$1"
    mkdir -p "$work/small/$1" "$work/corpus/$1"
    unpack "$1"
    FUZZ_TARGET=$1 "$fuzz" -set_cover_merge=1 -use_counters=0 -max_len=8192 "$work/small/$1" "$work/corpus/$1" \
        "$packed/$1" >"$work/$1.log" 2>&1
    python3 Tests/Fuzzing/corpus.py pack "$work/small/$1" "$1"
}

failed=0
# run TARGET: prints and records what came of it.
run() {
    mkdir -p "$work/corpus/$1"
    unpack "$1"
    case "$amount" in
    *s) bound=-max_total_time=${amount%s} ;;
    *) bound=-runs=$amount ;;
    esac
    set -- "$1" "$bound" -timeout=10 -rss_limit_mb=2048 -max_len=8192 -print_final_stats=1 \
        "-artifact_prefix=$work/findings/$1-"
    dictionary=Tests/Fuzzing/Dictionaries/${1%-*}.dict
    if [ -e "$dictionary" ]; then set -- "$@" "-dict=$dictionary"; fi
    target=$1
    shift
    before=$(find "$work/findings" -type f | wc -l)
    began=$(date +%s)
    # shellcheck disable=SC2086  # a list of options
    FUZZ_TARGET=$target "$fuzz" "$@" ${FUZZ_OPTIONS:-} "$work/corpus/$target" "$packed/$target" \
        >"$work/$target.log" 2>&1 && status=0 || status=$?
    findings=$(($(find "$work/findings" -type f | wc -l) - before))
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$target.log")
    # A finding of an earlier run, found again, has its file already.
    if [ "$status" -ne 0 ] && [ "$findings" -eq 0 ]; then findings=1; fi
    if [ -z "$executions" ]; then
        tail -5 "$work/$target.log" >&2
        findings=1
    fi
    rate=$((${executions:-0} / ($(date +%s) - began + 1)))
    edges=$(grep -ao 'cov: [0-9]*' "$work/$target.log" | tail -1 | cut -c6-)
    most=$(sed -n 's/^most: \([0-9]*\) ms, \([0-9]*\) KiB/\1\t\2/p' "$work/$target.log")
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$target" "$kind" "${executions:-0}" "$rate" "${edges:-0}" \
        "${most:--	-}" "$findings" | tee -a "$work/executions.tsv"
    if [ "$findings" -gt 0 ]; then
        failed=1
        grep -aE 'Fatal error|SUMMARY|Test unit written' "$work/$target.log" >&2 || true
    fi
}

for target in $targets; do
    if [ -n "$minimise" ]; then minimise "$target"; else run "$target"; fi
done
if [ -n "$minimise" ]; then
    du -sh --apparent-size Tests/Fuzzing/Corpus
    exit 0
fi
echo "== in all runs so far"
awk -F '\t' '
    function raise(most, key, value) { if (value + 0 > most[key] + 0) most[key] = value }
    NR > 1 {
        runs[$1] += $3; total += $3; findings[$1] += $8
        if ($2 == "plain") { raise(edges, $1, $5); raise(rate, $1, $4); raise(ms, $1, $6); raise(kib, $1, $7) }
    }
    END {
        for (target in runs)
            printf "%-16s %9d executions, up to %6d a second, %5d edges, at most %4d ms and %4d KiB, %d findings\n", \
                target, runs[target], rate[target], edges[target], ms[target], kib[target], findings[target] | "sort"
        close("sort")
        printf "%-16s %10d executions\n", "total", total
    }' "$work/executions.tsv"
exit $failed
