#!/bin/sh
# Records the shop anew: installs the pinned dependencies into a temporary directory, runs the program, checks what came
# out and puts it next to this file. Needs sh, Python >= 3.10 with venv, Node >= 20 with npm, and their registries.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here"/requirements.txt "$here"/package.json "$here"/program/* "$work"
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --requirement requirements.txt
npm install --silent --no-audit --no-fund --no-package-lock
venv/bin/python record.py
venv/bin/python check.py shop.pb shop-node.jsonl
mv shop.pb shop-node.jsonl "$here"
