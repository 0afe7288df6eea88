#!/bin/sh
# Uploads a candidate's scores and asks the gate about it. Plain POSIX shell: for Jenkins, Buildkite, a cron job, your desk.
#
#   NUCLEUS_ENDPOINT, NUCLEUS_API_KEY   the server, and a key that may upload
#   MODEL      the candidate, most often named by its commit
#   DATASET    the dataset that the scores are of
#   SCORES     a row for each item: .csv, .jsonl or .parquet; scores.csv if it is left out
#   BASELINE   a model, or last-approved; each test's own baseline model if it is left out
#   TAG        only the tests with this tag; all tests if it is left out
#
# Ends with 0 if the candidate passed or nobody can tell (which is said on stderr), 1 if it failed, 3 if there is no answer.
# Leaves gate.xml (JUnit, for the CI system to show) and gate.md.
set -eu

: "${MODEL:?expected the name of the candidate}"
: "${DATASET:?expected the name of the dataset}"

rm -f gate.xml gate.md # of an earlier run
nucleus upload "${SCORES:-scores.csv}" --dataset "$DATASET" --model "$MODEL" --create-model

set -- --model "$MODEL" --require-coverage 1.0 --junit gate.xml --markdown gate.md
if [ -n "${BASELINE:-}" ]; then set -- "$@" --baseline "$BASELINE"; fi
if [ -n "${TAG:-}" ]; then set -- "$@" --tag "$TAG"; fi

status=0
nucleus gate "$@" || status=$?
if [ "$status" -eq 2 ]; then
    echo "warning: the gate cannot tell whether $MODEL is good enough; gate.md says what would settle it" >&2
    exit 0
fi
exit "$status"
