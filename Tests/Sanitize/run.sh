#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds with one sanitizer, sees that it notices mistakes made on purpose, and runs the tests.
#
#   run.sh address   AddressSanitizer and LeakSanitizer: all tests
#   run.sh thread    ThreadSanitizer: the tests of what has threads
#   run.sh pages     freed I/O memory becomes inaccessible: the tests of what gives memory to the kernel
#
# SWIFT, SWIFT_ARGS and TEST_ARGS as in the Makefile.
set -eu
cd "$(dirname "$0")/../.."
SWIFT=${SWIFT:-swift}
GORI_TEST_LEVEL=quick
# The world's long games, which run none of the code that is looked at here but what other tests run too.
skipped='OracleTests|DeterminismTests|StepBenchmark'
ASAN_OPTIONS=detect_leaks=1:abort_on_error=0
LSAN_OPTIONS=suppressions=$PWD/Tests/Sanitize/leaks.supp:print_suppressions=0
TSAN_OPTIONS=halt_on_error=0:exitcode=66
SWIFT_BACKTRACE=enable=no
export GORI_TEST_LEVEL ASAN_OPTIONS LSAN_OPTIONS TSAN_OPTIONS SWIFT_BACKTRACE
# A trap is what some of them are for.
ulimit -c 0

case ${1:-} in
address)
    scratch=.build-asan
    flags='--sanitize=address -Xswiftc -DGORI_ADDRESS_SANITIZER -Xcc -DGORI_ADDRESS_SANITIZER=1'
    tests='WireTests|OverlappedTests|GoriTests|WorldTests|LoadTests'
    ;;
thread)
    scratch=.build-tsan
    flags='--sanitize=thread'
    tests='WaitingTests|StrangerTests|OperationTests|PortSelectionTests|GoriTests|LoadTests'
    ;;
pages)
    scratch=.build-guard
    flags='-Xswiftc -DGORI_GUARD_PAGES'
    tests='WireTests|OverlappedTests|GoriTests|WorldTests|LoadTests'
    ;;
*)
    echo "usage: $0 address|thread|pages" >&2
    exit 64
    ;;
esac

# expect NAME TEXT: the canary dies, and says TEXT.
expect() {
    if said=$("$scratch/debug/Canaries" "$1" 2>&1); then
        echo "$said" | tail -n 5
        echo "canary $1: not noticed" >&2
        exit 1
    fi
    case $said in
    *"$2"*) echo "canary $1: noticed ($2)" ;;
    *)
        echo "$said" | tail -n 20
        echo "canary $1: died, but not of $2" >&2
        exit 1
        ;;
    esac
}

# expect_signal NAME: the canary dies of SIGSEGV.
expect_signal() {
    status=0
    "$scratch/debug/Canaries" "$1" >/dev/null 2>&1 || status=$?
    if [ "$status" -ne 139 ]; then
        echo "canary $1: ended with $status, not by SIGSEGV" >&2
        exit 1
    fi
    echo "canary $1: noticed (SIGSEGV)"
}

mkdir -p $scratch
echo "== $1: build"
for product in Canaries GoriPackageTests; do
    # The linker warns of every symbol of the sanitizer's run-time library.
    # shellcheck disable=SC2086
    $SWIFT build --product $product $flags --scratch-path $scratch ${SWIFT_ARGS:-} >$scratch/gori-build.log 2>&1 || {
        grep -v 'Cannot export local symbol' $scratch/gori-build.log >&2
        exit 1
    }
done

echo "== $1: canaries"
case $1 in
address)
    expect overflow heap-buffer-overflow
    expect block heap-use-after-free
    expect slice-uring use-after-poison
    expect slice-epoll use-after-poison
    expect leak 'detected memory leaks'
    ;;
thread)
    expect race 'WARNING: ThreadSanitizer'
    ;;
pages)
    expect_signal block
    expect send-uring EFAULT
    ;;
esac

echo "== $1: tests"
# shellcheck disable=SC2086
exec $SWIFT test --skip-build $flags --scratch-path $scratch --filter "$tests" --skip "$skipped" ${SWIFT_ARGS:-} ${TEST_ARGS:-}
