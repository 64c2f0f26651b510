#!/usr/bin/env bash
# Makes the Python and the Java sources of the construct, and synthesizes the Python app with them.
# Needs a built package (npm run build, npx jsii), python3 and pip. Usage: synth.sh [folder for what it makes]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=${1:-$(mktemp -d)}
mkdir -p "$work"

(cd "$root" && npx jsii-pacmak --target python --target java --code-only --outdir "$work/sources")
test -f "$work/sources/java/pom.xml"

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check "$work/sources/python"
cd "$work"
CDK_OUTDIR="$work/cdk.out" JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=1 "$work/venv/bin/python" "$here/app.py"
test -s "$work/cdk.out/SynktiPython.template.json"
echo "The Python app is synthesized: $work/cdk.out"
