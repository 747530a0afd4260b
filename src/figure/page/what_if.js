// Sliders over the grid: numbers and a small chart that follow them.

const STEPS_PER_OCTAVE = 12;
const CHART = { width: 560, height: 280, left: 64, right: 16, top: 16, bottom: 44 };

function showWhatIf() {
  if (data.what_if === null) return section("what-if", element("p", {}, data.no_what_if));
  new WhatIfPanel(new Grid(data.what_if)).show();
}

/** 100 Gb/s as the scenario's keys take it; exact in six digits. */
const gigabits = (bandwidth) => Number(((bandwidth * 8) / 1e9).toPrecision(6));

/** Colours of lines differ on light and dark paper. */
const seriesColor = (variant) => `var(--series-${variant % 6})`;

class WhatIfPanel {
  constructor(grid) {
    this.grid = grid;
    this.stops = grid.axes.map((axis) => axis.now);
    this.octaves = 0;  // of the bandwidth, from what it is now
    this.along = grid.bandwidth ? -1 : 0;  // the chart's axis; -1: bandwidth
    this.now = grid.at(this.stops, this.bandwidth());
    this.sliders = [];
    this.answer = element("div", { "aria-live": "polite" });
    this.chart = element("figure");
    this.command = element("code", { id: "what-if-command" });
  }

  bandwidth(octaves = this.octaves) {
    if (!this.grid.bandwidth) return 0;
    const now = this.grid.bandwidth.now_Bps;
    return octaves === 0 ? now : (gigabits(now * 2 ** octaves) * 1e9) / 8;
  }

  show() {
    const { grid } = this;
    const reach = grid.bandwidth ? Math.log2(grid.bandwidth.reach) : 0;
    if (grid.bandwidth) {
      this.add("bandwidth", "network bandwidth of a NIC", -reach * STEPS_PER_OCTAVE, reach * STEPS_PER_OCTAVE, 0,
        [-reach, 0, reach].map((octaves) => `${gigabits(this.bandwidth(octaves))}`), () => `${gigabits(this.bandwidth())} Gb/s`,
        (value) => { this.octaves = value / STEPS_PER_OCTAVE; this.along = -1; });
    }
    grid.axes.forEach((axis, i) => this.add(axis.name, axis.title, 0, axis.stops.length - 1, axis.now, axis.stops,
      () => axis.stops[this.stops[i]], (value) => { this.stops[i] = value; this.along = i; }));
    const reset = element("button", { type: "button" }, "back to the scenario");
    reset.addEventListener("click", () => this.reset());
    section("what-if",
      element("p", {}, "Every number is the model's own. ", grid.bandwidth ? this.errorText() : ""),
      element("div", { class: "sliders" }, ...this.sliders.map((slider) => slider.node)),
      element("div", { class: "controls" }, reset), element("div", { class: "columns" }, this.answer, this.chart),
      element("p", { class: "soft" }, "The same point in full: ", this.command),
      ...(grid.absent.length > 0 ? [element("p", { class: "soft" }, `No slider: ${grid.absent.map((one) => `${one.title} (${one.why})`).join("; ")}.`)] : []));
    this.update();
  }

  errorText() {
    const { points, step_time: stepTime, speedup: ratio } = this.grid.error;
    const nodes = this.grid.layers.map((layer) => layer.bandwidths.length);
    return `Stops are exact; between the ${Math.min(...nodes)} to ${Math.max(...nodes)} bandwidths of the grid values are interpolated in log-log. Measured against whole `
      + `predictions at ${points} random points, the worst error is ${percent(stepTime, 2)} of a time and ${percent(ratio, 2)} of a speed-up.`;
  }

  add(name, title, min, max, value, marks, words, moved) {
    const id = `slider-${name}`;
    const input = element("input", { id, type: "range", min, max, step: 1, value });
    const output = element("output", { for: id });
    const node = element("div", { class: "slider" }, element("label", { for: id }, title), output, input,
      element("div", { class: "stops", "aria-hidden": "true" }, ...marks.map((mark) => element("span", {}, mark))));
    input.addEventListener("input", () => { moved(Number(input.value)); this.update(); });
    this.sliders.push({ node, input, output, words, home: value });
  }

  reset() {
    this.octaves = 0;
    this.stops = this.grid.axes.map((axis) => axis.now);
    for (const slider of this.sliders) slider.input.value = slider.home;
    this.update();
  }

  update() {
    for (const { input, output, words } of this.sliders) {
      output.textContent = words();
      input.setAttribute("aria-valuetext", words());
    }
    const here = this.grid.at(this.stops, this.bandwidth());
    this.answer.replaceChildren(here.reason !== null
      ? element("p", { class: "warning", id: "what-if-reason" }, `No valid scenario: ${here.reason}`) : this.table(here.variants));
    this.command.textContent = [data.compare_command, ...this.settings()].join(" ");
    this.chart.replaceChildren(this.draw(), element("figcaption", {}, this.chartCaption()));
  }

  /** What --set has to say for this point: nothing for what is as it was. */
  settings() {
    const { grid } = this;
    const set = (keys, value) => keys.map((key) => `--set ${key}=${value}`);
    const all = grid.bandwidth && this.octaves !== 0 ? set(grid.bandwidth.keys, `${gigabits(this.bandwidth())}Gbps`) : [];
    grid.axes.forEach((axis, i) => {
      if (this.stops[i] !== axis.now) all.push(...set(axis.keys, axis.stops[this.stops[i]]));
    });
    return all;
  }

  table(variants) {
    const row = (name, of) => [name, ...variants.map(of)];
    const inference = variants.some((one) => one.prefill > 0);
    const before = (one, i) => (this.now.reason === null ? time(this.now.variants[i].time) : "–");
    const fits = (one) => [memory(one.memory), `of ${memory(one.capacity)}`];
    const room = (one) => element("span", { class: "warning" }, `${memory(one.memory)} does not fit into ${memory(one.capacity)}`);
    return table(["", ...variants.map((one) => one.name)], [
      row(inference ? "time of the run" : "step time", (one) => [time(one.time), timeRange(one.interval)]),
      row("in the scenario", before),
      ...(variants.length > 1 ? [row("speed-up", (one, i) => (i === 0 ? "baseline" : [speedup(one.speedup), speedupRange(one.speedupInterval)]))] : []),
      ...(inference ? [row("time to the first token", (one) => time(one.prefill))] : []),
      ...(variants.some((one) => one.decode > 0) ? [row("time per generated token", (one) => time(one.decode))] : []),
      row("tokens per second", (one) => digits(one.tokensPerSecond)),
      row("all-to-all on the critical path", (one) => [time(one.allToAll), percent(one.allToAll / one.time)]),
      row("memory per GPU", (one) => (one.fits ? fits(one) : room(one)))]);
  }

  chartCaption() {
    const axis = this.along < 0 ? "the bandwidth of the network" : this.grid.axes[this.along].title;
    const several = this.grid.variants.length > 1;
    return `${several ? `Speed-up over ${this.grid.variants[0]} with its 90 % interval` : "Time"} over ${axis}, everything else as the sliders say. `
      + "The chart follows the slider that was moved last." + (this.along >= 0 ? " Hollow: does not fit into memory." : "");
  }

  /** Points along the chart's axis: [place 0 to 1, label, what is there]. */
  line() {
    const { grid } = this;
    if (this.along >= 0) {
      const { stops } = grid.axes[this.along];
      return stops.map((text, i) => [(i + 0.5) / stops.length, text, grid.at(this.stops.map((stop, axis) => (axis === this.along ? i : stop)), this.bandwidth())]);
    }
    const reach = Math.log2(grid.bandwidth.reach);
    const places = Array.from({ length: 2 * reach * STEPS_PER_OCTAVE + 1 }, (_, i) => i / STEPS_PER_OCTAVE - reach);
    return places.map((octaves) => [(octaves + reach) / (2 * reach), Number.isInteger(octaves) ? `${gigabits(this.bandwidth(octaves))}` : "", grid.at(this.stops, this.bandwidth(octaves))]);
  }

  draw() {
    const { width, height, left, right, top, bottom } = CHART;
    const several = this.grid.variants.length > 1;
    const valueOf = (one) => (several ? one.speedup : one.time), bandOf = (one) => (several ? one.speedupInterval : one.interval);
    const line = this.line();
    const shown = several ? this.grid.variants.map((_, v) => v).slice(1) : [0];
    const valid = line.filter(([, , point]) => point.reason === null);
    const svg = drawing(width, height, "Chart of the what-if");
    const largest = Math.max(several ? 1.2 : 0, ...valid.flatMap(([, , point]) => shown.map((v) => bandOf(point.variants[v])[1])));
    const [size, unit] = several ? [1, "×"] : TIME.find(([one]) => largest >= one) || TIME[TIME.length - 1];
    const x = (share) => left + share * (width - left - right), y = (value) => height - bottom - (value / largest) * (height - top - bottom);
    for (const tick of ticks(0, largest / size, 5)) {
      svg.append(shape("line", { class: "axis", x1: left, x2: width - right, y1: y(tick * size), y2: y(tick * size) }),
        shape("text", { class: "soft", x: left - 6, y: y(tick * size) + 4, "font-size": 12, "text-anchor": "end" }, `${Number(tick.toPrecision(6))} ${unit}`));
    }
    if (several) svg.append(shape("line", { class: "ink", x1: left, x2: width - right, y1: y(1), y2: y(1), "stroke-dasharray": "4 3" }));
    for (const [share, label] of line) {
      if (label) svg.append(shape("text", { class: "soft", x: x(share), y: height - bottom + 18, "font-size": 12, "text-anchor": "middle" }, label));
    }
    const title = this.along < 0 ? "network bandwidth of a NIC [Gb/s]" : this.grid.axes[this.along].title;
    svg.append(shape("text", { class: "soft", x: x(0.5), y: height - 6, "font-size": 12, "text-anchor": "middle" }, title));
    for (const v of shown) {
      const color = seriesColor(v);
      const path = (points) => points.map(([px, py], i) => `${i === 0 ? "M" : "L"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
      const band = [...valid.map(([share, , point]) => [x(share), y(bandOf(point.variants[v])[1])]),
        ...valid.map(([share, , point]) => [x(share), y(bandOf(point.variants[v])[0])]).reverse()];
      svg.append(shape("path", { d: path(band), fill: color, "fill-opacity": 0.2 }),
        shape("path", { class: "mark", d: path(valid.map(([share, , point]) => [x(share), y(valueOf(point.variants[v]))])), fill: "none", stroke: color, "stroke-width": 2 }));
      if (this.along >= 0) {
        for (const [share, label, point] of valid) {
          const one = point.variants[v];
          svg.append(tip(shape("circle", { class: "mark", cx: x(share), cy: y(valueOf(one)), r: 4, stroke: color, fill: one.fits ? color : "none" }),
            `${one.name}, ${label}\n${several ? speedup(one.speedup) : time(one.time)}`));
        }
      }
    }
    const here = this.along < 0 ? this.octaves / (2 * Math.log2(this.grid.bandwidth.reach)) + 0.5 : (this.stops[this.along] + 0.5) / this.grid.axes[this.along].stops.length;
    svg.append(shape("line", { class: "ink", x1: x(here), x2: x(here), y1: top, y2: height - bottom }));
    if (shown.length > 1) {
      shown.forEach((v, i) => svg.append(shape("text", { x: left + 8, y: top + 14 + 16 * i, "font-size": 12, style: `fill:${seriesColor(v)}` }, this.grid.variants[v])));
    }
    return svg;
  }
}
