// A step in time: rows are streams of ranks. Zoom with the buttons, the keys + - and arrows, or ctrl and the wheel; drag to move.

const ROW_H = 36, LABEL_W = 170, STAGE_W = 980, PAD = 12, AXIS_H = 26, MIN_PIXELS = 0.35;

function showTimeline() {
  const all = data.variants.flatMap((variant) => variant.timelines.map((one) => ({ ...one, variant: variant.name })));
  if (all.length === 0) return void document.getElementById("timeline").remove();
  const several = data.variants.some((variant) => variant.timelines.length > 1);
  const view = new TimelineView(all);
  const names = all.map((one) => (several ? `${one.variant}: ${one.name}` : one.variant));
  section("timeline", element("p", {}, "By the flow engine: discrete events, transfers that share the links. Zoom with the buttons, with + and - "
    + "or with ctrl and the wheel; move by dragging or with the arrow keys; 0 shows all."));
  section("timeline", element("div", { class: "controls" }, choice("variant", names, (index) => view.show(index)), view.buttons()));
  section("timeline", view.node, legend(data.parts.filter((part) => all.some((one) => one.ops.some((op) => partOf(op.kind) === part)))), view.notes);
  view.show(0);
}

class TimelineView {
  constructor(all) {
    this.all = all;
    this.svg = shape("svg", { role: "application", tabindex: 0, "aria-label": "Timeline; plus and minus zoom, arrows move, 0 shows all", class: "stage wide" });
    this.node = element("figure", { class: "scroll" }, this.svg);
    this.notes = element("p", { class: "soft" });
    this.svg.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.svg.addEventListener("keydown", (event) => this.key(event));
    this.svg.addEventListener("pointerdown", (event) => this.grab(event));
    this.svg.addEventListener("dblclick", (event) => this.zoom(0.25, this.timeAt(event)));
  }

  buttons() {
    const button = (text, label, does) => {
      const node = element("button", { type: "button", "aria-label": label }, text);
      node.addEventListener("click", does);
      return node;
    };
    const span = () => this.to - this.from;
    return element("span", { class: "controls" }, button("+", "zoom in", () => this.zoom(0.5)), button("−", "zoom out", () => this.zoom(2)),
      button("←", "earlier", () => this.move(-span() / 4)), button("→", "later", () => this.move(span() / 4)),
      button("all", "whole timeline", () => this.look(0, this.one.makespan_s)),
      button("one layer", "zoom to one layer in the forward pass", () => this.lookAtLayer()));
  }

  show(index) {
    this.one = this.all[index];
    const height = AXIS_H + this.one.rows.length * ROW_H + 6;
    this.svg.setAttribute("viewBox", `0 0 ${LABEL_W + STAGE_W + PAD} ${height}`);
    this.svg.setAttribute("width", LABEL_W + STAGE_W + PAD);
    this.svg.setAttribute("height", height);
    this.notes.textContent = `${this.one.variant}, ${this.one.name}: ${time(this.one.makespan_s)}. ` + this.one.notes.map((note) => `${note}.`).join(" ");
    this.look(0, this.one.makespan_s);
  }

  /** The first MoE layer whose operators are there. */
  lookAtLayer() {
    const wanted = this.one.ops.findIndex((op) => op.kind === "dispatch");
    const first = this.one.spans.find((span) => span[1] === wanted) || this.one.spans[0];
    const layer = this.one.spans.filter((span) => span[0] === first[0] && span[4] === first[4] && span[5] === first[5]);
    const near = this.one.spans.filter((span) => span[4] === first[4] && span[5] === first[5] && span[2] < first[2] + 1e9 * this.one.makespan_s / 4);
    const used = near.length > 0 ? near : layer;
    this.look(Math.min(...used.map((span) => span[2])) / 1e9, Math.max(...used.map((span) => span[2] + span[3])) / 1e9);
  }

  look(from, to) {
    const all = this.one.makespan_s;
    const span = Math.min(all, Math.max(to - from, all * 1e-6));
    this.from = Math.min(Math.max(0, from), all - span);
    this.to = this.from + span;
    this.draw();
  }
  zoom(factor, around = (this.from + this.to) / 2) {
    this.look(around - (around - this.from) * factor, around + (this.to - around) * factor);
  }
  move(seconds) {
    this.look(this.from + seconds, this.to + seconds);
  }
  x(seconds) {
    return LABEL_W + (STAGE_W * (seconds - this.from)) / (this.to - this.from);
  }
  timeAt(event) {
    const box = this.svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) * (LABEL_W + STAGE_W + PAD)) / box.width;
    return this.from + ((Math.max(x, LABEL_W) - LABEL_W) / STAGE_W) * (this.to - this.from);
  }

  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;  // the page scrolls
    event.preventDefault();
    this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.timeAt(event));
  }
  key(event) {
    const quarter = (this.to - this.from) / 4;
    const does = { "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), ArrowLeft: () => this.move(-quarter),
      ArrowRight: () => this.move(quarter), 0: () => this.look(0, this.one.makespan_s) }[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  }
  grab(event) {
    const from = this.from, to = this.to, box = this.svg.getBoundingClientRect();
    const perPixel = ((to - from) * (LABEL_W + STAGE_W + PAD)) / STAGE_W / box.width;
    const moved = (now) => this.look(from - (now.clientX - event.clientX) * perPixel, to - (now.clientX - event.clientX) * perPixel);
    const end = () => {
      removeEventListener("pointermove", moved);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
    };
    addEventListener("pointermove", moved);
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
  }

  draw() {
    const { rows, spans, ops, gap_s: gap } = this.one;
    const content = [shape("g", {}, ...this.axis())];
    const marks = shape("g", {});
    const last = rows.map(() => [-1, null]);  // right end and colour of the last mark: what is too narrow to see is not drawn again
    for (const [row, op, begin, length, layer, microBatch] of spans) {
      const x1 = Math.max(LABEL_W, this.x(begin / 1e9)), x2 = Math.min(LABEL_W + STAGE_W, this.x((begin + length) / 1e9));
      if (x2 <= LABEL_W || x1 >= LABEL_W + STAGE_W) continue;
      const part = partOf(ops[op].kind);
      if (x2 - last[row][0] < MIN_PIXELS && last[row][1] === part) continue;
      last[row] = [x2, part];
      const y = AXIS_H + row * ROW_H + 4;
      const mark = shape("rect", { class: "mark", x: x1, y, width: Math.max(MIN_PIXELS, x2 - x1), height: ROW_H - 8, fill: part.color });
      marks.append(tip(mark, `${ops[op].name} (${part.name})\n${time(length / 1e9)} from ${time(begin / 1e9)}\nlayer ${layer}, micro-batch ${microBatch}`));
      if (x2 - x1 > 7 * ops[op].name.length + 8) {
        marks.append(shape("text", { x: (x1 + x2) / 2, y: y + 17, "font-size": 11, "text-anchor": "middle", style: "fill:#111" }, ops[op].name));
      }
    }
    content.push(marks);
    if (gap[1] > gap[0] && gap[1] > this.from && gap[0] < this.to) {
      const x1 = Math.max(LABEL_W, this.x(gap[0])), x2 = Math.min(LABEL_W + STAGE_W, this.x(gap[1]));
      content.push(shape("rect", { class: "machine", x: x1, y: AXIS_H, width: x2 - x1, height: rows.length * ROW_H }),
        shape("text", { class: "soft", x: (x1 + x2) / 2, y: AXIS_H + 20, "font-size": 12, "text-anchor": "middle" }, x2 - x1 > 60 ? "left out" : ""));
    }
    rows.forEach((row, index) => content.push(
      shape("text", { x: 4, y: AXIS_H + index * ROW_H + 14, "font-size": 12 }, row.stream),
      shape("text", { class: "soft", x: 4, y: AXIS_H + index * ROW_H + 27, "font-size": 11 },
        `rank ${row.rank}${row.ranks > 1 ? ` (as ${row.ranks} ranks)` : ""}${this.stages() > 1 ? `, stage ${row.stage}` : ""}`)));
    this.svg.replaceChildren(...content);
  }
  stages() {
    return new Set(this.one.rows.map((row) => row.stage)).size;
  }

  axis() {
    const [size, unit] = TIME.find(([one]) => this.to - this.from >= one * 2) || TIME[TIME.length - 1];
    const bottom = AXIS_H + this.one.rows.length * ROW_H;
    const marks = ticks(this.from / size, this.to / size, 8).flatMap((tick) => {
      const x = this.x(tick * size);
      return [shape("line", { class: "axis", x1: x, x2: x, y1: AXIS_H - 6, y2: bottom }),
        shape("text", { class: "soft", x: Math.min(x, LABEL_W + STAGE_W - 16), y: 14, "font-size": 12, "text-anchor": "middle" }, `${Number(tick.toPrecision(9))} ${unit}`)];
    });
    return [shape("line", { class: "axis", x1: LABEL_W, x2: LABEL_W + STAGE_W, y1: bottom, y2: bottom }), ...marks];
  }
}
