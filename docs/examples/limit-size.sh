#!/bin/sh
# Fails when an image of the root, or one of its layers, is too large.
# usage: limit-size.sh IMAGE IMAGE_BYTES LAYER_BYTES
set -eu
ovl history "$1" --json | node -e '
  const [image, imageLimit, layerLimit] = process.argv.slice(1);
  const { history } = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const problems = history
    .filter(({ size }) => size > Number(layerLimit))
    .map(({ size, createdBy }) => `a layer has ${size} bytes, at most ${layerLimit} are allowed: ${createdBy}`);
  const total = history.reduce((sum, { size }) => sum + size, 0);
  if (total > Number(imageLimit)) problems.push(`${total} bytes in all, at most ${imageLimit} are allowed`);
  for (const problem of problems) console.error(`${image}: ${problem}`);
  process.exit(problems.length === 0 ? 0 : 1);
' "$1" "$2" "$3"
