#!/bin/sh
# What a person writes who has no gatewayctl: the same steps in the same order, and no proof of anything. It does not wait
# until the gateway has the new routes (that would be a minute and a half, twice), nor for requests in flight.
# Prints a line `waited SECONDS` for each time that it waits for Pods.
set -eu
shop=$1 app=$2 image=$3 gateway=$4 routes=$5 folder=$6  # in folder: before.yaml and after.yaml, the route file by hand

wait_for() {
    start=$(date +%s.%N)
    "$@" >/dev/null
    echo "waited $(echo "$(date +%s.%N) $start" | awk '{print $1 - $2}')"
}

replace_routes() {
    kubectl -n "$gateway" create configmap "$routes" --from-file=rds.yaml="$1" --dry-run=client -o yaml |
        kubectl replace -f - >/dev/null
}

kubectl -n "$shop" set image "deployment/$app-canary" "app=$image" >/dev/null
kubectl -n "$shop" scale "deployment/$app-canary" --replicas=1 >/dev/null
wait_for kubectl -n "$shop" rollout status "deployment/$app-canary" --timeout=600s
replace_routes "$folder/after.yaml"
kubectl -n "$shop" set image "deployment/$app" "app=$image" >/dev/null
wait_for kubectl -n "$shop" rollout status "deployment/$app" --timeout=600s
replace_routes "$folder/before.yaml"
kubectl -n "$shop" scale "deployment/$app-canary" --replicas=0 >/dev/null
wait_for kubectl -n "$shop" wait --for=delete pod -l "app=$app-canary" --timeout=600s
