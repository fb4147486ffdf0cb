#!/usr/bin/env bash
# Writes the list of mutations into docs/reliability.md, between its two markers; table.sh check says whether it is
# there already. Every sentence of docs/contracts.md has a mutation, and the test that has to notice names the sentence.
set -euo pipefail
cd "$(dirname "$0")/../.."
document=docs/reliability.md
begin='<!-- mutations: tests/mutations/table.sh -->' end='<!-- end of mutations -->'

table() {
    echo '| Id | Broken | Noticed by |'
    echo '|---|---|---|'
    for patch in $(ls tests/mutations/*.patch | sort -t- -k1,1 -k2V); do
        name=$(basename "$patch" .patch)
        broken=$(sed -n 's/^Broken: //p;/^---/q' "$patch")
        tests=$(sed -n 's/^Test: //p;/^---/q' "$patch")
        [ "$broken" ] && [ "$tests" ] || { echo "$patch has no head" >&2; return 1; }
        echo "| $name | $broken | \`${tests// /\`, \`}\` |"
    done
}

grep -qF "$begin" "$document" && grep -qF "$end" "$document"
fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT
{
    sed "\|^$begin\$|q" "$document"
    table
    sed -n "\|^$end\$|,\$p" "$document"
} >"$fresh"

# Whether the comment above a test names a sentence.
names() {
    local id=$1 test=$2 file pattern
    case $test in
    go:*) test=${test#go:} file=core/${test%%:*}/*_test.go pattern="^func ${test#*:}\(" ;;
    *) file=tests/c/${test%%:*}.c pattern="TEST\(${test#*:}\)" ;;
    esac
    grep -hB5 -E "$pattern" $file | tac | sed '1d;/^\/\//!q' | grep -qE "\b$id\b"
}
for patch in tests/mutations/*.patch; do
    id=$(basename "$patch" .patch)
    for test in $(sed -n 's/^Test: //p;/^---/q' "$patch"); do
        names "${id%[a-z]}" "$test" || { echo "$patch: the comment above $test does not name the sentence" >&2; exit 1; }
    done
done

sentences=$(grep -oE '^- [A-Z]+-[0-9]+ ' docs/contracts.md | tr -d ' ' | cut -c2- | sort)
broken=$(for patch in tests/mutations/*.patch; do basename "$patch" .patch; done | sed -E 's/[a-z]$//' | sort -u)
unbroken=$(comm -23 <(echo "$sentences") <(echo "$broken"))
unknown=$(comm -13 <(echo "$sentences") <(echo "$broken"))
[ -z "$unbroken" ] || { echo "without a mutation:" $unbroken >&2; exit 1; }
[ -z "$unknown" ] || { echo "mutations of no sentence:" $unknown >&2; exit 1; }
if [ "${1-}" = check ]; then
    cmp -s "$fresh" "$document" || { echo "$document: run tests/mutations/table.sh" >&2; exit 1; }
else
    cat "$fresh" >"$document"
fi
