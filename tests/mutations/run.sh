#!/usr/bin/env bash
# Breaks the library on purpose, in one place at a time, and wants to see a test fail: run.sh BUILD [ID...]
#
# Each ID[letter].mutation in this folder breaks a sentence of docs/reference/contracts.md. Its head says what is broken ("Broken:")
# and which test has to notice ("Test:"; PROGRAM:NAME is a test of BUILD/tests, on all its loops, go:PACKAGE:NAME one of
# core/PACKAGE); mutate.py says how the change is written. Mutations are applied to copies of the tree in BUILD/mutations,
# never to the tree. An ID is a sentence (ORDER-3) or a mutation (ORDER-3a); without one all are run.
#
# The run fails if a mutation does not apply, the library does not build, a test does not exist or fails although
# nothing is broken, or no test notices a mutation. JOBS (4) mutations run beside each other, because tests mostly
# wait; a test may take LIMIT (60) seconds, and waits PATIENCE (8) seconds for one event.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
[ -d "${1-}" ] || { echo "usage: run.sh BUILD [ID...] (BUILD: the folder in which make library has built)" >&2; exit 2; }
build=$(cd "$1" && pwd)
shift
jobs=${JOBS:-4} limit=${LIMIT:-60} patience=${PATIENCE:-8}
scratch=$build/mutations
export PATH=$root/tools/bin:$PATH
export GIT_CEILING_DIRECTORIES=$scratch # the copies are not a part of the repository around them

mutations=()
for file in "$here"/*.mutation; do
    name=$(basename "$file" .mutation)
    [ $# -eq 0 ] || [[ " $* " == *" $name "* || " $* " == *" ${name%[a-z]} "* ]] || continue
    mutations+=("$name")
done
[ ${#mutations[@]} -gt 0 ] || { echo "there is no mutation of: $*" >&2; exit 2; }

head_of() { sed -n "s/^$2: //p;/^In: /q" "$here/$1.mutation"; }

# make_tests TREE FOLDER TEST...: puts what the tests need into the folder, made of the tree as it is now.
make_tests() {
    local tree=$1 folder=$2 test packages=()
    shift 2
    mkdir -p "$folder"
    for test in "$@"; do
        if [[ $test == go:* ]]; then
            test=${test#go:}
            [[ " ${packages[*]-} " == *" ${test%%:*} "* ]] || packages+=("${test%%:*}")
        elif [ ! -e "$folder/libohsocket.so" ]; then
            rm -f "$tree"/build/libohsocket.so*
            make -s -C "$tree" BUILD=build build/libohsocket.so && cp "$tree"/build/libohsocket.so* "$folder/" || return 1
        fi
    done
    for package in ${packages[@]+"${packages[@]}"}; do
        (cd "$tree" && go test -trimpath -c -o "$folder/$package.test" "./core/$package") || return 1
    done
}

# run_test FOLDER TEST LOG: status 0: it passes, 1: it does not, 2: it cannot be run. outcome has more in words.
run_test() {
    local folder=$1 test=$2 log=$3 name names program
    outcome="there is no test $test"
    if [[ $test == go:* ]]; then
        test=${test#go:}
        program=$folder/${test%%:*}.test name=${test#*:}
        "$program" -test.list "^$name\$" | grep -qx "$name" || return 2
        cd "$root/core/${test%%:*}"
        try "$name" "$program" -test.failfast -test.run "^$name\$" -test.timeout "${limit}s"
        return
    fi
    program=$build/tests/${test%%:*}
    names=$("$program" --list | grep -xE "${test#*:}(\.run|\.poll)?") || return 2
    for name in $names; do try "$name" "$program" "$name" || return; done
}

# try NAME COMMAND...: part of run_test.
try() {
    local name=$1 status
    shift
    { LD_LIBRARY_PATH=$folder TEST_PATIENCE=${patience}s timeout -k 5 "$limit" "$@"; } >>"$log" 2>&1
    status=$?
    outcome="$name passes"
    [ $status -ne 0 ] || return 0
    case $status in
    124 | 137) outcome="$name hangs" ;;
    126 | 127) outcome="$name cannot be started" && return 2 ;;
    *) [ $status -gt 128 ] && outcome="$name crashes" || outcome="$name fails" ;;
    esac
    return 1
}

failed() {
    echo "$*"
    head -n 1 <<<"$*" >>"$scratch/failures"
}

# control TEST: it passes when nothing is broken.
control() {
    local log=$scratch/control-$BASHPID
    : >"$log"
    run_test "$scratch/whole" "$1" "$log" && return
    failed "$1: $outcome although nothing is broken"
    tail -n 20 "$log"
}

# mutation NAME TREE
mutation() {
    local name=$1 tree=$2 began=$SECONDS folder=$scratch/$1 tests test problem=
    tests=$(head_of "$name" Test)
    if ! problem=$(python3 "$here/mutate.py" apply "$here/$name.mutation" "$tree" "$folder/originals" 2>&1); then
        failed "$problem"
        return
    fi
    make_tests "$tree" "$folder" $tests >"$scratch/$name.log" 2>&1 || problem="does not build"
    cp -R "$folder/originals/." "$tree/" || exit 1
    for test in $tests; do
        [ ! "$problem" ] || break
        (run_test "$folder" "$test" "$scratch/$name.log"; status=$?; echo "$outcome" >"$folder/outcome"; exit $status)
        case $? in
        1)
            printf '%-10s %s: %s, %d s\n' "$name" "${test%:*}" "$(cat "$folder/outcome")" $((SECONDS - began))
            rm -rf "$folder" "$scratch/$name.log"
            return
            ;;
        2) problem=$(cat "$folder/outcome") ;;
        esac
    done
    failed "$name: ${problem:-SURVIVES: $(head_of "$name" Broken)}"
    [ ! "$problem" ] || tail -n 20 "$scratch/$name.log"
}

# copy_tree FOLDER: what an earlier copy built stays; a file that has gone meanwhile does not.
copy_tree() {
    mkdir -p "$1"
    find "$1" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
    (cd "$root" && git ls-files -z --cached --others --exclude-standard | xargs -0 ls -d 2>/dev/null | tar -c -T -) | tar -x -C "$1"
}

# Each worker takes every JOBS-th, with a tree of its own.
worker() {
    local first=$1 i
    copy_tree "$scratch/tree$first"
    for ((i = first; i < ${#tests[@]}; i += jobs)); do (control "${tests[i]}"); done
    for ((i = first; i < ${#mutations[@]}; i += jobs)); do mutation "${mutations[i]}" "$scratch/tree$first"; done
}

mkdir -p "$scratch"
find "$scratch" -mindepth 1 -maxdepth 1 ! -name 'tree*' -exec rm -rf {} +
: >"$scratch/failures"
mapfile -t tests < <(for name in "${mutations[@]}"; do head_of "$name" Test; done | tr ' ' '\n' | sort -u)
echo "${#mutations[@]} mutations; first their ${#tests[@]} tests, with nothing broken"
copy_tree "$scratch/tree0"
make_tests "$scratch/tree0" "$scratch/whole" "${tests[@]}" || { echo "the library does not build"; exit 1; }
for ((w = 0; w < jobs; w++)); do worker $w & done
wait

failures=$(wc -l <"$scratch/failures")
echo "${#mutations[@]} mutations, $failures failures"
cat "$scratch/failures"
[ "$failures" -eq 0 ]
