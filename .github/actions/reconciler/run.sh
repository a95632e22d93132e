# Runs one command of Reconciler for a workflow. All values come in through the environment; none becomes part of a script.
set -euo pipefail
home="$RUNNER_TEMP/reconciler"
tool="$home/venv/bin/reconciler"
options=()
while IFS= read -r line; do
  if [ -n "$line" ]; then options+=("$line"); fi
done <<< "$OPTIONS"
if [ -n "$ENVIRONMENT" ]; then options+=("--env=$ENVIRONMENT"); fi

code=0
case "$COMMAND" in
  validate)
    "$tool" validate --format github "${options[@]}" -- "$ROOT" || code=$?
    ;;
  plan)
    mkdir -p "$home/out"
    rm -f "$home/out/plan.md" "$home/out/plan.json"
    "$tool" plan --format github --out "$home/out/plan.md" --out "$home/out/plan.json" "${options[@]}" -- "$ROOT" || code=$?
    if [ -f "$home/out/plan.json" ]; then echo "plan=$home/out/plan.json" >> "$GITHUB_OUTPUT"; fi
    ;;
  apply)
    if [ -n "$EXPECT" ]; then options+=("--expect=$EXPECT"); fi
    "$tool" apply --yes "${options[@]}" -- "$ROOT" || code=$?
    ;;
  drift)
    "$tool" drift --detailed-exitcode "${options[@]}" -- "$ROOT" || code=$?
    ;;
  *)
    echo "::error title=Reconciler::The input command has to be validate, plan, apply or drift."
    code=7
    ;;
esac
echo "exit-code=$code" >> "$GITHUB_OUTPUT"
exit "$code"
