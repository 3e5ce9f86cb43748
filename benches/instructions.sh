#!/bin/bash
# Instructions of each stage's fixed work beside those of the last change: machines are noisy, instructions are not.
#
#     benches/instructions.sh            compares with benches/instructions.txt; fails where a work takes 3 % more (TOLERANCE names another)
#     benches/instructions.sh --update   writes what it counts to benches/instructions.txt
#
# The works are those of benches/stages, in the dev profile, which the tests build anyway: the project's own code is not optimised there, so
# that the counts guard its steps and not its speed. The same build differs by less than 0.4 % from run to run (hash tables are seeded at
# random). Counts of another compiler, or of a processor with other vectors (memchr and aho-corasick choose by what valgrind says that
# there is), are another matter: then the table is shown and nothing fails.
set -euo pipefail
cd "$(dirname "$0")/.."
kept=benches/instructions.txt
tolerance=${TOLERANCE:-3}

skip() { printf '\n*** instructions were NOT checked: %s ***\n\n' "$1" >&2; exit 0; }
if ! command -v valgrind >/dev/null; then
    { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; } || skip "there is no valgrind, and no right to install it"
    { timeout 60 apt-get update -qq && timeout 120 apt-get install -qq -y --no-install-recommends valgrind; } >/dev/null 2>&1 ||
        skip "there is no valgrind, and apt-get could not install it"
fi

program=$(${CARGO:-cargo} build --locked --bench stages --message-format=json-render-diagnostics |
    sed -n 's/.*"executable":"\([^"]*\/stages-[^"]*\)".*/\1/p' | tail -1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
valgrind --tool=callgrind --callgrind-out-file="$work/count" --collect-atstart=no --toggle-collect=stages::counted --dump-after=stages::counted \
    "$program" --count >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }

vectors=$(grep -qw avx2 /proc/cpuinfo && echo avx2 || echo no-avx2)
{
    echo "# Written by benches/instructions.sh --update. $(rustc --version), $(uname -m), $vectors"
    n=0
    # Each work is a dump, in the order of the names.
    "$program" --counted | while read -r name; do
        n=$((n + 1))
        echo "$name $(sed -n 's/^\(summary\|totals\): //p' "$work/count.$n" | head -1)"
    done
} >"$work/now"

if [ "${1:-}" = --update ]; then
    cp "$work/now" "$kept"
    echo "written to $kept; say in the commit why counts went up or down"
    exit
fi
# Of the first line, what the counts were made with.
same=$([ "$(sed -n '1s/.*--update\. //p' "$kept")" = "$(sed -n '1s/.*--update\. //p' "$work/now")" ] && echo yes || echo no)
awk -v tolerance="$tolerance" -v same="$same" '
    /^#/ { next }
    FNR == NR { kept[$1] = $2; next }
    FNR == 2 { printf "%-24s %14s %14s %9s\n", "work", "kept", "now", "change" }
    {
        seen[$1] = 1
        if (!($1 in kept)) { printf "%-24s %14s %14d\n", $1, "-", $2; strange++; next }
        change = ($2 / kept[$1] - 1) * 100
        word = change > tolerance ? "MORE" : change < -tolerance ? "fewer" : ""
        more += word == "MORE"; fewer += word == "fewer"
        printf "%-24s %14d %14d %+8.2f%% %s\n", $1, kept[$1], $2, change, word
    }
    END {
        for (name in kept) if (!(name in seen)) { printf "%-24s %14d %14s\n", name, kept[name], "-"; strange++ }
        if (same == "no") exit 3
        if (fewer) print "Fewer instructions: run benches/instructions.sh --update and commit it, so that what was gained is kept."
        if (strange) print "Other works than before: run benches/instructions.sh --update and commit it."
        if (more) printf "More than %s %% more instructions: find out why (callgrind_annotate), or run benches/instructions.sh --update and say in the commit what they buy.\n", tolerance
        exit (more || strange) ? 1 : 0
    }' "$kept" "$work/now" || {
    status=$?
    [ $status != 3 ] || skip "the kept counts are of another compiler or processor ($(sed -n '1s/.*--update\. //p' "$kept")); run benches/instructions.sh --update with this one"
    exit $status
}
