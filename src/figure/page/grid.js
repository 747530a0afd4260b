// The model at the points of a grid, and between them over the bandwidth: as WhatIf::number in the program.

class Grid {
  constructor(json) {
    Object.assign(this, json);
    const floats = (text) => {
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      const view = new DataView(bytes.buffer);
      return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
    };
    for (const key of ["memory_B", "capacity_B", "tokens"]) this[key] = floats(json[key]);
    this.layers = json.layers.map((layer) => ({ bandwidths: layer.bandwidths_Bps, values: floats(layer.values) }));
    this.pointsPerLayer = this.reason_of.length / this.layers.length;
  }

  point(stops) {
    return this.axes.reduce((number, axis, i) => number * axis.stops.length + stops[i], 0);
  }

  number(point, variant, name, bandwidth) {
    const layer = this.layers[Math.floor(point / this.pointsPerLayer)];
    const nodes = layer.bandwidths;
    const place = (node) => ((node * this.pointsPerLayer + (point % this.pointsPerLayer)) * this.variants.length + variant) * this.numbers.length
      + this.numbers.indexOf(name);
    if (nodes.length === 1) return layer.values[place(0)];
    let right = 1;
    while (right < nodes.length - 1 && nodes[right] <= bandwidth) ++right;
    const a = layer.values[place(right - 1)], b = layer.values[place(right)];
    const share = Math.min(1, Math.max(0, Math.log(bandwidth / nodes[right - 1]) / Math.log(nodes[right] / nodes[right - 1])));
    return a > 0 && b > 0 ? Math.exp((1 - share) * Math.log(a) + share * Math.log(b)) : (1 - share) * a + share * b;
  }

  /** Everything about a point. */
  at(stops, bandwidth) {
    const point = this.point(stops);
    const reason = this.reason_of[point] < 0 ? null : this.reasons[this.reason_of[point]];
    if (reason !== null) return { reason };
    const variants = this.variants.map((name, v) => {
      const number = (which) => this.number(point, v, which, bandwidth);
      const seconds = number("step_time_s"), spread = Math.exp(number("spread")), band = Math.exp(number("speedup_spread"));
      const faster = this.number(point, 0, "step_time_s", bandwidth) / seconds;
      const plan = point * this.variants.length + v;
      return { name, time: seconds, interval: [seconds / spread, seconds * spread], speedup: faster, speedupInterval: [faster / band, faster * band],
        allToAll: number("all_to_all_s"), prefill: number("prefill_s"), decode: number("decode_token_s"), tokensPerSecond: this.tokens[plan] / seconds,
        memory: this.memory_B[plan], capacity: this.capacity_B[plan], fits: this.memory_B[plan] <= this.capacity_B[plan] };
    });
    return { reason, variants };
  }
}
