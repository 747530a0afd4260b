// What the answer rests on.

/** Lines that all variants share once, the others under their variant. */
function sharedLists(of) {
  const variants = data.comparison.variants;
  const list = (lines) => element("ul", {}, ...lines.map((text) => element("li", {}, text)));
  const shared = of(variants[0]).filter((text) => variants.every((one) => of(one).includes(text)));
  const parts = [list(shared)];
  for (const one of variants) {
    const own = of(one).filter((text) => !shared.includes(text));
    if (own.length > 0) parts.push(element("h3", {}, `${one.name} only`), list(own));
  }
  return parts;
}

function showProvenance() {
  section("assumptions", ...sharedLists((one) => one.assumptions));
  const { version, git_commit: commit, inputs } = data.comparison.provenance;
  section("provenance", element("h3", {}, "Fitted laws"), ...sharedLists((one) => one.calibration));
  section("provenance", element("h3", {}, "Program"), element("p", {}, `moesim ${version}, commit ${commit}`), element("p", {}, element("code", {}, data.command)));
  section("provenance", element("h3", {}, "Input files"), table(["file", "FNV-1a of its bytes"], inputs.map((one) => [one.path, element("code", {}, one.hash)])));
}
