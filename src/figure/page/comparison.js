// The variants side by side: cards, table, stacked bars.

function showComparison() {
  const { variants, baseline } = data.comparison;
  const training = variants[0].mode === "training";
  document.getElementById("setting").append(settingText(variants));
  section("comparison", element("div", { class: "cards" }, ...variants.map((one) => card(one, baseline, training))));
  section("comparison", comparisonTable(variants, baseline));
  section("comparison", element("p", { class: "soft" }, "Ranges are 90 % intervals from the residuals of the fitted laws. The interval of a "
    + "speed-up is narrower than those of the times: the variants share most of their error."));
}

function settingText(variants) {
  const one = variants[0].setting;
  const load = one.workload;
  const layout = one.parallelism;
  const same = (key) => variants.every((other) => other.setting[key] === one[key]);
  const work = load.global_batch
    ? `a training step of ${load.global_batch} sequences of ${load.sequence_length} tokens`
    : `inference of ${load.batch} sequences, ${load.prompt_tokens} prompt tokens, ${load.generated_tokens} generated`;
  return `${same("model") ? one.model : "models as named"} on ${one.cluster} (${one.gpus} GPUs ${one.device}), ${one.framework}: ${work}; `
    + `tp ${layout.tp}, pp ${layout.pp}, ep ${layout.ep}, dp ${layout.dp}.`;
}

function card(one, baseline, training) {
  const faster = one.name === baseline
    ? (data.comparison.variants.length > 1 ? element("div", { class: "soft" }, "baseline") : null)
    : element("div", { class: "delta" }, `${speedup(one.speedup)} as fast `, element("span", { class: "soft" }, speedupRange(one.speedup_interval)));
  const fits = one.fits
    ? element("div", { class: "soft" }, `memory ${memory(one.memory_per_gpu_B)} of ${memory(one.memory_capacity_B)}: fits`)
    : element("div", { class: "warning" }, `does not fit: ${memory(one.memory_per_gpu_B)} of ${memory(one.memory_capacity_B)}, full at ${one.first_overflow}`);
  return element("div", { class: "card" }, element("h3", {}, one.name),
    element("div", { class: "big" }, time(one.step_time_s)),
    element("div", { class: "soft" }, `${training ? "a step" : "a run"}, ${timeRange(one.interval_s)}`), faster, fits);
}

function comparisonTable(variants, baseline) {
  const row = (name, of) => [name, ...variants.map(of)];
  const optional = (name, key, of) => (variants.some((one) => one[key] !== undefined) ? [row(name, of)] : []);
  const rows = [
    row(variants[0].mode === "training" ? "step time" : "time of the run", (one) => [time(one.step_time_s), timeRange(one.interval_s)]),
    ...(variants.length > 1
      ? [row("speed-up", (one) => (one.name === baseline ? "baseline" : [speedup(one.speedup), speedupRange(one.speedup_interval)]))] : []),
    ...optional("time to the first token", "prefill_s", (one) => [time(one.prefill_s), timeRange(one.prefill_interval_s)]),
    ...optional("time per generated token", "decode_token_s",
      (one) => (one.decode_token_s > 0 ? [time(one.decode_token_s), timeRange(one.decode_token_interval_s)] : "–")),
    row("tokens per second", (one) => digits(one.throughput_tokens_per_s ?? one.tokens_per_s)),
    row("model FLOPS per GPU", (one) => [`${digits(one.tflops_per_gpu, 3)} TFLOPS`, `${percent(one.mfu)} of peak`]),
    row("all-to-all on the critical path", (one) => [time(one.all_to_all_s), percent(one.all_to_all_share)]),
    row("exposed communication", (one) => [time(one.exposed_communication_s), percent(one.exposed_communication_s / one.step_time_s)]),
    row("all-to-all volume, all ranks", (one) => memory(one.all_to_all_bytes)),
    row("busiest link", (one) => (one.busiest_link ? [one.busiest_link.link, percent(one.busiest_link.utilization)] : "none")),
    row("memory per GPU", (one) => [memory(one.memory_per_gpu_B), one.fits ? `of ${memory(one.memory_capacity_B)}` : `does not fit into ${memory(one.memory_capacity_B)}`]),
    row("parameters", (one) => `${digits(one.parameters / 1e9)} billion`),
  ];
  return table(["", ...variants.map((one) => one.name)], rows);
}

function showBreakdown() {
  const { variants } = data.comparison;
  section("breakdown", legend(data.parts.filter((part) => variants.some((one) => timeOf(one, part) > 0))));
  section("breakdown", element("figure", { class: "scroll" }, breakdownBars(variants)));
  const kinds = [...new Set(variants.flatMap((one) => one.breakdown.map((entry) => entry.name)))];
  const cellOf = (one, kind) => {
    const entry = one.breakdown.find((other) => other.name === kind);
    return entry ? [time(entry.time_s), percent(entry.time_s / one.step_time_s)] : "–";
  };
  const all = kinds.map((kind) => [words(kind), ...variants.map((one) => cellOf(one, kind))]);
  section("breakdown", element("details", {}, element("summary", {}, "Kind by kind"),
    table(["on the critical path", ...variants.map((one) => one.name)], all)));
}

const timeOf = (variant, part) => variant.breakdown.filter((entry) => partOf(entry.name) === part).reduce((sum, entry) => sum + entry.time_s, 0);

function breakdownBars(variants) {
  const left = 10, width = 900, right = 90, row = 64;
  const longest = Math.max(...variants.map((one) => one.interval_s[1]));
  const [size, unit] = TIME.find(([one]) => longest >= one) || TIME[TIME.length - 1];
  const x = (seconds) => left + (width * seconds) / longest;
  const height = variants.length * row + 44;
  const svg = drawing(left + width + right, height, "Time of each variant by kind of work, stacked");
  svg.classList.add("wide");
  for (const tick of ticks(0, longest / size)) {
    svg.append(shape("line", { class: "axis", x1: x(tick * size), x2: x(tick * size), y1: 4, y2: height - 40 }),
      shape("text", { class: "soft", x: x(tick * size), y: height - 24, "text-anchor": "middle", "font-size": 12 }, String(Number(tick.toPrecision(6)))));
  }
  svg.append(shape("text", { class: "soft", x: left + width / 2, y: height - 5, "text-anchor": "middle", "font-size": 12 }, `time on the critical path [${unit}]`));
  variants.forEach((one, index) => {
    const top = index * row + 22;
    let begin = 0;
    svg.append(shape("text", { x: left, y: top - 6, "font-size": 13 }, one.name));
    for (const part of data.parts) {
      const length = timeOf(one, part);
      if (length <= 0) continue;
      const bar = shape("rect", { class: "mark", x: x(begin), y: top, width: Math.max(0.5, x(begin + length) - x(begin)), height: 24, fill: part.color });
      svg.append(tip(bar, `${part.name}\n${time(length)}, ${percent(length / one.step_time_s)}`));
      begin += length;
    }
    const [lo, hi] = one.interval_s;
    svg.append(shape("line", { class: "ink", x1: x(lo), x2: x(hi), y1: top + 30, y2: top + 30, "stroke-width": 2 }),
      shape("text", { x: x(Math.max(hi, begin)) + 8, y: top + 17, "font-size": 13 }, time(one.step_time_s)));
  });
  return svg;
}
