
/* The map: the same arithmetic as the drawing that stands in the page, again for every view. */
const map = one("#chart-map");
if (map) {
  const SVG = "http://www.w3.org/2000/svg", CELL = 30, COVER = 0.8, METRES_A_DEGREE = 111320, NAMED = 8;
  const frame = data.frame;
  const unrolled = (longitude) => frame.past && longitude < 0 ? longitude + 360 : longitude;
  const points = data.findings.map((finding, number) => finding.p && { number, rule: finding.r, x: unrolled(finding.p[0]), y: finding.p[1] }).filter(Boolean);
  const view = { x: 0, y: 0, scale: 1, squeeze: 1 };
  const squeeze = Math.max(Math.cos((frame.most[1] + frame.most[3]) / 2 * Math.PI / 180), 0.05);
  const size = { width: 960, height: 540 };
  let onlyRule = null, lit = null, due = 0;

  const make = (name, attributes, ...children) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };
  const px = (x) => size.width / 2 + (x - view.x) * view.squeeze * view.scale;
  const py = (y) => size.height / 2 - (y - view.y) * view.scale;
  const nice = (number) => {
    const power = 10 ** Math.floor(Math.log10(number));
    return Math.max(...[1, 2, 5].map((step) => step * power).filter((step) => step <= number * (1 + 1e-9)), power);
  };
  const degree = (value, step, sides) => {
    if (sides === "EW" && value > 180) value -= 360;
    const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    return Math.abs(value).toFixed(decimals) + "°" + (value > 0 ? sides[0] : value < 0 ? sides[1] : "");
  };
  const fit = (box) => {
    view.squeeze = squeeze;
    view.x = (box[0] + box[2]) / 2;
    view.y = (box[1] + box[3]) / 2;
    view.scale = Math.min(size.width / ((box[2] - box[0]) * squeeze), size.height / (box[3] - box[1]));
  };
  const around = (some) => {
    const xs = some.map((each) => each.x), ys = some.map((each) => each.y);
    const box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
    const wide = Math.max((box[2] - box[0]) * 0.15, 0.0005), high = Math.max((box[3] - box[1]) * 0.15, 0.0005);
    return [box[0] - wide, box[1] - high, box[2] + wide, box[3] + high];
  };
  const shown = () => points.filter((each) => onlyRule === null ? !hidden.has(each.rule) : each.rule === onlyRule);

  function graticule() {
    const parts = [];
    for (const [upright, length, middle, factor] of [[true, size.width, view.x, view.squeeze], [false, size.height, view.y, 1]]) {
      const degrees = length / view.scale / factor, step = nice(degrees / Math.max(2, length / 170));
      for (let i = Math.ceil((middle - degrees / 2) / step); i * step <= middle + degrees / 2; i++) {
        const at = i * step;
        if (Math.abs(at) > (upright ? 360 : 90)) continue;
        if (upright) parts.push(make("path", { d: `M${px(at).toFixed(1)} 0V${size.height}` }), make("text", { x: (px(at) + 4).toFixed(1), y: size.height - 6 }, degree(at, step, "EW")));
        else parts.push(make("path", { d: `M0 ${py(at).toFixed(1)}H${size.width}` }), make("text", { class: "end", x: size.width - 6, y: (py(at) - 4).toFixed(1) }, degree(at, step, "NS")));
      }
    }
    one(".grid", map).replaceChildren(...parts);
  }
  const area = (layer) => (layer.box[2] - layer.box[0]) * (layer.box[3] - layer.box[1]);
  const layers = data.layers.slice().sort((a, b) => area(b) - area(a));
  function extents() {
    const parts = [], named = [];
    for (const layer of layers) {
      const left = Math.max(px(layer.box[0]), -9), right = Math.min(px(layer.box[2]), size.width + 9);
      const top = Math.max(py(layer.box[3]), -9), bottom = Math.min(py(layer.box[1]), size.height + 9);
      if (left >= right || top >= bottom) continue;
      parts.push(make("rect", { x: left, y: top, width: right - left, height: bottom - top }, make("title", {}, layer.name)));
      /* A name that would lie on another is left to the tooltip. */
      const x = Math.max(left, 4) + 2, long = layer.name.length * 8;
      if (layers.length > NAMED || right - left < 60 || top < 60) continue;
      if (named.some(([a, b, wide]) => Math.abs(b - top) < 14 && x < a + wide && a < x + long)) continue;
      named.push([x, top, long]);
      parts.push(make("text", { x, y: top - 4 }, layer.name));
    }
    one(".extents", map).replaceChildren(...parts);
  }
  function clusters() {
    const cells = new Map();
    for (const each of shown()) {
      const x = px(each.x), y = py(each.y);
      if (x < 0 || y < 0 || x > size.width || y > size.height) continue;
      const key = Math.floor(x / CELL) + " " + Math.floor(y / CELL);
      if (!cells.has(key)) cells.set(key, []);
      cells.get(key).push(each);
    }
    /* Markers that would cover each other become one. */
    const apart = [];
    for (const members of Array.from(cells.values()).sort((a, b) => b.length - a.length)) {
      const middle = (axis) => members.reduce((sum, each) => sum + each[axis], 0) / members.length;
      const x = px(middle("x")), y = py(middle("y"));
      const near = apart.find((other) => Math.hypot(other.x - x, other.y - y) < COVER * (radius(other.members.length) + radius(members.length)));
      if (near) near.members.push(...members);
      else apart.push({ x, y, members });
    }
    return apart;
  }
  const radius = (count) => count === 1 ? 5.5 : Math.min(8 + 2 * Math.log2(count), 24);
  function markers() {
    one(".markers", map).replaceChildren(...clusters().map(({ x, y, members }) => {
      const count = members.length, place = { cx: x.toFixed(1), cy: y.toFixed(1), r: radius(count).toFixed(1) };
      const worst = Math.min(...members.map((each) => severities.indexOf(data.rules[each.rule].severity)));
      const group = make("g", { class: severities[worst] }, make("circle", { ...place, class: count > 1 ? "many" : "" }));
      if (count > 1) group.append(make("text", { x: place.cx, y: place.cy }, count.toLocaleString("en-US")));
      if (members.some((each) => each.number === lit)) group.classList.add("lit");
      group.members = members;
      return group;
    }));
  }
  function scale() {
    const metres = 100 * METRES_A_DEGREE / view.scale, length = nice(metres), width = 100 * length / metres, low = size.height - 40;
    one(".scale", map).replaceChildren(
      make("path", { d: `M16 ${low}v6h${width.toFixed(1)}v-6` }),
      make("text", { x: 16, y: low - 6 }, length >= 1000 ? `${length / 1000} km` : `${length} m`));
  }
  function draw() {
    due = 0;
    map.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
    graticule(); extents(); markers(); scale();
  }
  const redraw = () => { due = due || requestAnimationFrame(draw); };
  function zoom(factor, x = size.width / 2, y = size.height / 2) {
    const before = view.scale;
    view.scale = Math.min(Math.max(view.scale * factor, 0.5), 5e8);
    const shift = 1 / before - 1 / view.scale;
    view.x += (x - size.width / 2) * shift / view.squeeze;
    view.y -= (y - size.height / 2) * shift;
    redraw();
  }
  function move(dx, dy) {
    view.x = Math.min(Math.max(view.x - dx / view.scale / view.squeeze, -360), 360);
    view.y = Math.min(Math.max(view.y + dy / view.scale, -90), 90);
    redraw();
  }

  /* What is at a place */
  const here = one("#here"), LISTED = 20;
  let listed = null;
  function tell(members) {
    listed = members;
    here.hidden = !members;
    if (!members) return;
    one("h3", here).textContent = say("here", { n: members.length });
    const items = members.slice(0, LISTED).map((each) => {
      const finding = data.findings[each.number], rule = data.rules[finding.r], item = document.createElement("li");
      const name = isolated(rule.rule, "span"), place = document.createElement("span"), link = isolated(say("go_rule"), "a");
      name.className = "in";
      place.className = "place";
      placed(place, finding);
      link.href = "#rule-" + finding.r;
      link.addEventListener("click", (event) => {
        event.preventDefault();
        event.stopPropagation();
        showFinding(each.number);
      });
      const message = document.createElement("span");
      message.append(isolated(finding.m));
      item.append(name, message, place, link);
      return item;
    });
    if (members.length > LISTED) items.push(isolated(say("more_here", { n: members.length - LISTED }), "li"));
    one("ol", here).replaceChildren(...items);
  }
  function press(members) {
    const box = around(members), wide = (box[2] - box[0]) * view.squeeze, high = box[3] - box[1];
    const deeper = Math.min(size.width / wide, size.height / high);
    const apart = members.some((each) => each.x !== members[0].x || each.y !== members[0].y);
    if (members.length > 5 && apart && deeper > view.scale * 1.5) {
      fit(box);
      tell(null);
    } else {
      lit = members[0].number;
      tell(members);
    }
    redraw();
  }
  one("button", here).addEventListener("click", () => { lit = null; tell(null); redraw(); map.focus(); });

  /* One rule alone */
  const only = one("#only");
  function locate(number) {
    onlyRule = number;
    only.hidden = number === null;
    tell(null);
    if (number !== null) {
      one("b", only).textContent = data.rules[number].rule;
      const [west, south, east, north] = frame.most;
      const mine = shown(), most = mine.filter((each) => each.x >= west && each.x <= east && each.y >= south && each.y <= north);
      fit(around(most.length ? most : mine));
      one("#map").scrollIntoView();
    } else fit(frame.most);
    redraw();
  }
  one("button", only).addEventListener("click", () => locate(null));
  for (const each of all(".locate")) each.addEventListener("click", () => locate(Number(each.closest(".rule").dataset.rule)));

  /* Mouse, fingers, keys */
  const fingers = new Map();
  let moved = 0, apart = 0;
  const at = (event) => {
    const box = map.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  map.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, at(event));
    moved = fingers.size > 1 ? 99 : 0;
    apart = 0;
  });
  map.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const from = fingers.get(event.pointerId), to = at(event);
    fingers.set(event.pointerId, to);
    if (fingers.size === 1) {
      moved += Math.hypot(to[0] - from[0], to[1] - from[1]);
      if (moved > 4) {
        if (!map.hasPointerCapture(event.pointerId)) map.setPointerCapture(event.pointerId);
        map.classList.add("moving");
        move(to[0] - from[0], to[1] - from[1]);
      }
    } else if (fingers.size === 2) {
      const [a, b] = Array.from(fingers.values()), now = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (apart) zoom(now / apart, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
      apart = now;
    }
  });
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) map.addEventListener(end, (event) => {
    if (end === "pointerleave" && map.hasPointerCapture(event.pointerId)) return;
    fingers.delete(event.pointerId);
    map.classList.remove("moving");
  });
  map.addEventListener("click", (event) => {
    map.focus({ preventScroll: true });
    const group = event.target.closest(".markers > g");
    if (moved <= 4 && group) press(group.members);
  });
  map.addEventListener("dblclick", (event) => zoom(2, ...at(event)));
  map.addEventListener("wheel", (event) => {
    if (document.activeElement !== map && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(Math.exp(-Math.sign(event.deltaY) * Math.min(Math.abs(event.deltaY), 100) / 300), ...at(event));
  }, { passive: false });
  const keys = {
    ArrowLeft: () => move(60, 0), ArrowRight: () => move(-60, 0), ArrowUp: () => move(0, 60), ArrowDown: () => move(0, -60),
    "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), "0": () => { fit(frame.most); redraw(); },
    Escape: () => { lit = null; tell(null); redraw(); },
  };
  map.tabIndex = 0;
  map.addEventListener("keydown", (event) => {
    if (keys[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      keys[event.key]();
    }
  });
  map.addEventListener("focus", () => map.classList.add("active"));
  map.addEventListener("blur", () => map.classList.remove("active"));
  for (const each of all("[data-zoom]")) each.addEventListener("click", () => {
    const what = each.dataset.zoom;
    if (what === "in" || what === "out") zoom(what === "in" ? 1.6 : 1 / 1.6);
    else { fit(frame[what]); redraw(); }
  });
  document.addEventListener("filtered", redraw);
  document.addEventListener("spoken", () => tell(listed));

  /* As wide as the page is; on paper as the drawing was. */
  let first = true;
  new ResizeObserver(() => {
    const box = map.getBoundingClientRect();
    if (!box.width || !box.height) return;
    size.width = box.width;
    size.height = box.height;
    if (first) fit(frame.most);
    first = false;
    draw();
  }).observe(map);
}
