# Installs Reconciler into an environment of its own: what the workflow has installed meets nothing of it.
# INSTALL: arguments for pip, one a line; without any, the version that this action belongs to.
set -euo pipefail
home="$RUNNER_TEMP/reconciler"
mkdir -p "$home"
python -m venv "$home/venv"
arguments=()
while IFS= read -r line; do
  if [ -n "$line" ]; then arguments+=("$line"); fi
done <<< "$INSTALL"
if [ ${#arguments[@]} -eq 0 ]; then
  here="$(cd "$GITHUB_ACTION_PATH/../../.." && pwd)"
  "$home/venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$here/requirements.lock"
  arguments=(--no-build-isolation --no-deps "$here")
fi
"$home/venv/bin/python" -m pip install --quiet --disable-pip-version-check "${arguments[@]}"
