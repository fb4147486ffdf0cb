#!/usr/bin/env bash
# Every sentence of docs/reference/contracts.md is named at a test, and every id that stands there is a sentence. The comment
# at the head of a file says what it is about and does not count.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0

sentences=$(grep -oE '^- [A-Z]+-[0-9]+ ' docs/reference/contracts.md | tr -d ' -' | sed -E 's/([0-9]+)$/-\1/' | sort)
twice=$(uniq -d <<<"$sentences")
[ -z "$twice" ] || { echo "docs/reference/contracts.md has twice:" $twice >&2; failed=1; }

words=$(sed -E 's/-[0-9]+$//' <<<"$sentences" | sort -u | paste -sd'|')
named=$(find tests core capi \( -name '*.c' -o -name '*.sh' -o -name '*.py' -o -name '*.js' -o -name '*_test.go' \) -exec tail -qn +4 {} + |
  grep -oE "\b($words)-[0-9]+\b" | sort -u)
untested=$(comm -23 <(sort -u <<<"$sentences") <(echo "$named"))
unknown=$(comm -13 <(sort -u <<<"$sentences") <(echo "$named"))
[ -z "$untested" ] || { echo "named by no test:" $untested >&2; failed=1; }
[ -z "$unknown" ] || { echo "named by a test, but not in docs/reference/contracts.md:" $unknown >&2; failed=1; }
python3 tests/mutations/test_mutate.py >/dev/null 2>&1 || { echo "tests/mutations/test_mutate.py fails" >&2; failed=1; }
bash tests/mutations/table.sh check || failed=1
exit "$failed"
