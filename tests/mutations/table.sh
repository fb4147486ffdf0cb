#!/usr/bin/env bash
# Writes the list of mutations, docs/quality/mutations.md; table.sh check says whether it is up to date. Every mutation
# has to apply, every sentence of docs/reference/contracts.md to have one, and the test that has to notice it to name the
# sentence.
set -euo pipefail
cd "$(dirname "$0")/../.."
document=docs/quality/mutations.md
[ -z "$(ls tests/mutations/*.patch 2>/dev/null)" ] || { echo "a mutation is a file ID.mutation: see tests/mutations/mutate.py" >&2; exit 1; }
python3 tests/mutations/mutate.py check

table() {
    echo '# Mutations'
    echo
    echo 'How the library is broken on purpose, and which test notices. `tests/mutations/table.sh` writes this page;'
    echo '[reliability.md](reliability.md#broken-on-purpose) explains it. An id is that of a sentence of [contracts.md](../reference/contracts.md).'
    echo
    echo '| Id | Broken | Noticed by |'
    echo '|---|---|---|'
    for file in $(ls tests/mutations/*.mutation | sort -t- -k1,1 -k2V); do
        name=$(basename "$file" .mutation)
        broken=$(sed -n 's/^Broken: //p;/^In: /q' "$file")
        tests=$(sed -n 's/^Test: //p;/^In: /q' "$file")
        echo "| $name | $broken | \`${tests// /\`, \`}\` |"
    done
}

fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT
table >"$fresh"

# Whether the comment above a test names a sentence.
names() {
    local id=$1 test=$2 file pattern
    case $test in
    go:*) test=${test#go:} file=core/${test%%:*}/*_test.go pattern="^func ${test#*:}\(" ;;
    *) file=tests/c/${test%%:*}.c pattern="TEST\(${test#*:}\)" ;;
    esac
    grep -hB5 -E "$pattern" $file | tac | sed '1d;/^\/\//!q' | grep -qE "\b$id\b"
}
for file in tests/mutations/*.mutation; do
    id=$(basename "$file" .mutation)
    for test in $(sed -n 's/^Test: //p;/^In: /q' "$file"); do
        names "${id%[a-z]}" "$test" || { echo "$file: the comment above $test does not name the sentence" >&2; exit 1; }
    done
done

sentences=$(grep -oE '^- [A-Z]+-[0-9]+ ' docs/reference/contracts.md | tr -d ' ' | cut -c2- | sort)
broken=$(for file in tests/mutations/*.mutation; do basename "$file" .mutation; done | sed -E 's/[a-z]$//' | sort -u)
unbroken=$(comm -23 <(echo "$sentences") <(echo "$broken"))
unknown=$(comm -13 <(echo "$sentences") <(echo "$broken"))
[ -z "$unbroken" ] || { echo "without a mutation:" $unbroken >&2; exit 1; }
[ -z "$unknown" ] || { echo "mutations of no sentence:" $unknown >&2; exit 1; }
if [ "${1-}" = check ]; then
    cmp -s "$fresh" "$document" || { echo "$document: run tests/mutations/table.sh" >&2; exit 1; }
else
    cat "$fresh" >"$document"
fi
