// What `explain` says of each variant.

function showSensitivity() {
  section("sensitivity", element("p", {}, "Every number is a run of the model with that input changed: per cent of the time saved when a resource is 1 % better "
    + "(bandwidth up, latency down), and when it is twice as good."));
  section("sensitivity", element("div", { class: "columns" }, ...data.variants.map((variant) => element("div", {},
    element("h3", {}, variant.name), element("ul", {}, ...variant.explanation.sentences.map((text) => element("li", {}, text))),
    resourceTable(variant.explanation), ...variant.explanation.notes.map((text) => element("p", { class: "soft" }, text))))));
}

function resourceTable(explanation) {
  const now = explanation.step_time_s;
  const largest = Math.max(1e-9, ...explanation.resources.map((one) => one.elasticity));
  const shown = explanation.resources.filter((one) => one.elasticity >= 0.0005);
  const rows = shown.map((one) => {
    const bar = element("i");
    bar.style.width = `${(100 * Math.max(0, one.elasticity)) / largest}%`;
    bar.style.background = one.independent ? "#0072B2" : "#999999";
    const twice = one.doubled_step_time_s === null ? "–" : [percent(1 - one.doubled_step_time_s / now), time(one.doubled_step_time_s)];
    return [one.title, element("span", { class: "meter", "aria-hidden": "true" }, bar), `${one.elasticity.toFixed(3)} %`, twice];
  });
  const hidden = explanation.resources.length - shown.length;
  const note = `Blue: independent resources, ${explanation.elasticity_sum.toFixed(3)} % together. Grey: other ways to buy the same.`
    + (hidden > 0 ? ` ${hidden} more save less than 0.0005 %.` : "");
  return element("div", {}, table(["resource", "", "saved by 1 % better", "saved by twice"], rows), element("p", { class: "soft" }, note));
}
