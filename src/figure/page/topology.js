// The cluster graph, links coloured by their use in the step.

const UNIT_X = 82, UNIT_Y = 66, PART_W = 64, PART_H = 26;
const NAMES = { gpu: "GPU", nic: "NIC", pcie_switch: "PCIe sw.", root_port: "root", socket: "socket", host_memory: "memory", nv_switch: "NVSwitch", network_switch: "", hub: "hub" };
/** Use that is hot only where some link is used as much: less is never drawn as hot. */
const COLD = 0.2;
/** From cold to hot: colour and width. */
const HEAT = [["#999999", 1], ["#56B4E9", 2], ["#0072B2", 3.2], ["#E69F00", 4.6], ["#D55E00", 6.5]];

function showTopology() {
  const busiest = Math.max(COLD, ...data.variants.flatMap((one) => one.link_use.map((use) => Math.max(use[0], use[1]))));
  const step = busiest / (HEAT.length - 1);
  const wide = data.clusters.some((cluster) => Math.max(...cluster.nodes.map((node) => node.x)) > 6);
  section("topology", element("p", {}, "Links are coloured by their use: bytes over the step as a share of what the link could carry in that time, "
    + "the busier direction, the busiest of all links that a line stands for. Machines and switches that are built alike are drawn once."));
  section("topology", legend([{ name: "nothing", color: HEAT[0][0], width: HEAT[0][1] }, ...HEAT.slice(1).map(([color, width], i) => (
    { name: i === 0 ? `up to ${percent(step)}` : `${percent(i * step)} – ${percent((i + 1) * step)}`, color, width }))]));
  section("topology", element("div", { class: wide ? "" : "columns" }, ...data.variants.map((one) => element("figure", {},
    element("div", { class: "scroll" }, clusterDrawing(one, step)), element("figcaption", {}, caption(one)), linkTable(one)))));
}

const heatOf = (use, step) => (use <= 0 ? 0 : Math.min(HEAT.length - 1, Math.max(1, Math.ceil(use / step - 1e-9))));

function caption(variant) {
  const cluster = data.clusters[variant.cluster];
  const machines = cluster.boxes.reduce((sum, box) => sum + box.count, 0);
  return `${variant.name}: ${machines} machine${machines > 1 ? "s" : ""}` + (machines > cluster.boxes.length ? `, ${cluster.boxes.length} drawn` : "");
}

function clusterDrawing(variant, step) {
  const { boxes, nodes, links } = data.clusters[variant.cluster];
  const left = 1, top = 0.5;
  const px = (node) => (node.x + left) * UNIT_X;
  const py = (node) => (node.y + top) * UNIT_Y;
  const width = (Math.max(...nodes.map((node) => node.x)) + 2 * left) * UNIT_X;
  const height = (Math.max(...nodes.map((node) => node.y)) + 2 * top) * UNIT_Y + 14;
  const svg = drawing(width, height, `Cluster, links coloured by use, ${variant.name}`);
  svg.style.minWidth = `${0.7 * width}px`;
  boxes.forEach((box, index) => {
    const inside = nodes.filter((node) => node.box === index);
    const x1 = Math.min(...inside.map(px)) - UNIT_X / 2 - 4, x2 = Math.max(...inside.map(px)) + UNIT_X / 2 + 4;
    const y1 = Math.min(...inside.map(py)) - PART_H / 2 - 10, y2 = Math.max(...inside.map(py)) + PART_H / 2 + 20;
    svg.append(shape("rect", { class: "machine", x: x1, y: y1, width: x2 - x1, height: y2 - y1, rx: 8 }),
      shape("text", { class: "soft", x: x2 - 8, y: y2 - 6, "font-size": 13, "text-anchor": "end" }, box.count > 1 ? `machine × ${box.count}` : box.name));
  });
  const order = links.map((_, index) => index).sort((a, b) => useOf(variant, a) - useOf(variant, b));  // hot ones on top
  const labels = [];
  const labelled = new Set();
  for (const index of order.slice().reverse()) {
    if (labelled.has(links[index].kind) || useOf(variant, index) <= 0) continue;
    labelled.add(links[index].kind);
    labels.push(index);
  }
  for (const index of order) svg.append(linkLine(variant, index, [px, py], step));
  for (const node of nodes) {
    const text = node.count > 1 ? `${partName(node).replaceAll("*", "")} × ${node.count}` : partName(node);
    const w = Math.max(PART_W, 6.2 * text.length + 10);
    svg.append(tip(shape("rect", { class: "part", x: px(node) - w / 2, y: py(node) - PART_H / 2, width: w, height: PART_H, rx: node.kind === "gpu" ? 2 : 10 }), node.name),
      shape("text", { x: px(node), y: py(node) + 4, "font-size": 11, "text-anchor": "middle" }, text));
  }
  for (const index of labels) {
    const a = nodes[links[index].from], b = nodes[links[index].to];
    const text = percent(useOf(variant, index));
    const x = (px(a) + px(b)) / 2, y = (py(a) + py(b)) / 2;
    svg.append(shape("rect", { class: "machine", x: x - 22, y: y - 9, width: 44, height: 17, rx: 4 }),
      shape("text", { x, y: y + 4, "font-size": 11, "text-anchor": "middle", "font-weight": 600 }, text));
  }
  return svg;
}

/** "host0/pcie_switch3" is "PCIe sw. 3", "pod0/rail*" is "rail". */
function partName(node) {
  const last = node.name.split("/").pop();
  const number = last.match(/\d+$/);
  if (NAMES[node.kind]) return number ? `${NAMES[node.kind]} ${number[0]}` : NAMES[node.kind];
  return words(last);
}

const useOf = (variant, index) => Math.max(variant.link_use[index][0], variant.link_use[index][1]);

function linkLine(variant, index, [px, py], step) {
  const { nodes, links } = data.clusters[variant.cluster];
  const link = links[index];
  const a = nodes[link.from], b = nodes[link.to];
  const [color, width] = HEAT[heatOf(useOf(variant, index), step)];
  const [there, back, mean] = variant.link_use[index];
  const line = shape("line", { class: "link mark", x1: px(a), y1: py(a), x2: px(b), y2: py(b), stroke: color, "stroke-width": width, "stroke-linecap": "round" });
  return tip(line, `${words(link.kind)} ${link.name}${link.count > 1 ? `, and ${link.count - 1} like it` : ""}\n`
    + `${rate(link.capacity_Bps)} each way\n${percent(there)} from ${a.name} to ${b.name}, ${percent(back)} back; mean ${percent(mean)}`);
}

function linkTable(variant) {
  const rows = variant.explanation.links.slice(0, 8).map((link) => [link.links, String(link.count), rate(link.capacity_Bps),
    percent(link.utilization_max), percent(link.utilization_mean)]);
  return element("details", {}, element("summary", {}, "Busiest links"), table(["links", "count", "capacity, one way", "busiest", "mean"], rows));
}
