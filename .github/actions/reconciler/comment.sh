# Keeps one comment with the plan up to date: the first line of the plan is a hidden marker that names stack and environment.
# Only a comment that this workflow's own account wrote is changed: anybody may write the marker into theirs.
set -euo pipefail
plan="$RUNNER_TEMP/reconciler/out/plan.md"
if [ ! -f "$plan" ]; then exit 0; fi # there is no plan: the annotations say why
marker="$(head -n 1 "$plan")"
export MARKER="$marker"
found="$(gh api --paginate "repos/$GITHUB_REPOSITORY/issues/$NUMBER/comments" \
  --jq '.[] | select(.user.type == "Bot" and (.body | split("\n")[0] | rtrimstr("\r")) == env.MARKER) | .id' | head -n 1)"
if [ -n "$found" ]; then
  gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$found" --field "body=@$plan"
else
  gh api --silent --method POST "repos/$GITHUB_REPOSITORY/issues/$NUMBER/comments" --field "body=@$plan"
fi
