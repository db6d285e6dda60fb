"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = (id) => {
    const element = byId(id);
    return element ? JSON.parse(element.textContent) : null;
  };
  // Texts of the data are set as text alone, never as markup.
  const make = (name, text, className) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    return element;
  };
  const isolated = (name, text, className) => {
    const element = make(name, undefined, className);
    const inner = make("bdi", text);
    inner.dir = "auto";
    element.append(inner);
    return element;
  };

  // ---- users -----------------------------------------------------------------------------------------------------
  const chooser = byId("user");
  const users = [...document.querySelectorAll("article.user")];
  const showUser = (id) => {
    if (!users.some((user) => user.id === id)) return;
    for (const user of users) user.hidden = user.id !== id;
    if (chooser) chooser.value = id;
  };
  if (chooser) chooser.addEventListener("change", () => showUser(chooser.value));

  // On paper nothing can be opened: the details of the user that is shown are open while the page is printed.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("article.user:not([hidden]) details:not([open])")];
    for (const details of opened) details.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
  });

  // ---- going to an element of the page -----------------------------------------------------------------------------
  const reveal = (id) => {
    const target = id && byId(id);
    if (!target) return;
    const user = target.closest("article.user");
    if (user) showUser(user.id);
    for (let each = target; each; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
    const own = target.querySelector(":scope > details");
    if (own && target.tagName === "LI") own.open = true;
    for (const each of document.querySelectorAll(".chosen")) each.classList.remove("chosen");
    if (target.tagName === "LI") target.classList.add("chosen");
    target.scrollIntoView({ block: target.tagName === "LI" ? "center" : "start" });
    (user === target ? byId(`${id}-title`) : target).focus({ preventScroll: true });
  };
  const idOfHash = () => {
    try {
      return decodeURIComponent(location.hash.slice(1));
    } catch {
      return "";
    }
  };
  window.addEventListener("hashchange", () => reveal(idOfHash()));
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest('a[href^="#"]');
    if (link && link.hash === location.hash) reveal(idOfHash());
  });

  // ---- search ------------------------------------------------------------------------------------------------------
  const MAX_FOUND = 30;
  const input = byId("search");
  const list = byId("found");
  const count = byId("found-count");
  const entries = data("search-data").map(([kind, text, id]) => ({ kind, text, id, key: fold(text) }));
  let selected = -1;

  function fold(text) {
    return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  }
  const select = (number) => {
    const options = [...list.children];
    selected = options.length ? (number + options.length) % options.length : -1;
    options.forEach((option, index) => option.setAttribute("aria-selected", String(index === selected)));
    if (selected < 0) {
      input.removeAttribute("aria-activedescendant");
      return;
    }
    input.setAttribute("aria-activedescendant", options[selected].id);
    options[selected].scrollIntoView({ block: "nearest" });
  };
  const close = () => {
    list.hidden = true;
    list.replaceChildren();
    input.setAttribute("aria-expanded", "false");
    select(-1);
  };
  const go = (entry) => {
    close();
    count.textContent = "";
    if (location.hash === `#${encodeURIComponent(entry.id)}`) reveal(entry.id);
    else location.hash = encodeURIComponent(entry.id);
  };
  const search = () => {
    const words = fold(input.value).split(/\s+/u).filter(Boolean);
    close();
    if (!words.length) {
      count.textContent = "";
      return;
    }
    const found = entries.filter((entry) => words.every((word) => entry.key.includes(word)));
    found.slice(0, MAX_FOUND).forEach((entry, number) => {
      const option = isolated("li", entry.text);
      option.prepend(make("span", `${entry.kind} `, "small"));
      option.id = `found-${number}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.addEventListener("pointerdown", (event) => event.preventDefault());
      option.addEventListener("click", () => go(entry));
      list.append(option);
    });
    list.found = found;
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(found.length > 0));
    const shown = Math.min(found.length, MAX_FOUND);
    count.textContent = found.length > shown ? `${found.length} found, ${shown} shown` : `${found.length} found`;
  };
  input.addEventListener("input", search);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) search();
      else select(selected + (event.key === "ArrowDown" ? 1 : selected < 0 ? 0 : -1));
    } else if (event.key === "Enter" && !list.hidden) {
      event.preventDefault();
      go(list.found[Math.max(selected, 0)]);
    } else if (event.key === "Escape") {
      input.value = "";
      search();
    }
  });
  input.addEventListener("blur", () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
  });
  input.addEventListener("focus", () => {
    if (list.children.length) list.hidden = false;
  });

  // ---- pictures ----------------------------------------------------------------------------------------------------
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const pointIn = (picture, event) => {
    const matrix = picture.getScreenCTM();
    return matrix ? new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse()) : null;
  };

  const map = data("map-data");
  if (map) {
    const picture = byId("map-picture");
    const cursor = byId("map-cursor");
    const panel = byId("map-details");
    const points = [...map.clusters, ...map.journeys];
    const REACH = 16;
    let current = -1;
    const show = (number) => {
      if (number === current) return;
      current = number;
      const [x, y, heading, ...lines] = points[number];
      cursor.setAttribute("cx", x);
      cursor.setAttribute("cy", y);
      cursor.setAttribute("visibility", "visible");
      panel.replaceChildren(isolated("h3", heading), ...lines.map((line) => isolated("p", line)));
    };
    picture.addEventListener("pointermove", (event) => pick(event, REACH));
    picture.addEventListener("click", (event) => pick(event, 3 * REACH));
    const pick = (event, reach) => {
      const at = pointIn(picture, event);
      if (!at) return;
      let best = -1;
      let least = reach * reach;
      points.forEach(([x, y], number) => {
        const distance = (x - at.x) ** 2 + (y - at.y) ** 2;
        if (distance < least) [best, least] = [number, distance];
      });
      if (best >= 0) show(best);
    };
    picture.addEventListener("keydown", (event) => {
      const arrow = ARROWS[event.key];
      if (!arrow || !points.length) return;
      event.preventDefault();
      if (current < 0) {
        show(0);
        return;
      }
      const [x0, y0] = points[current];
      let best = -1;
      let least = Infinity;
      points.forEach(([x, y], number) => {
        const along = (x - x0) * arrow[0] + (y - y0) * arrow[1];
        const across = Math.abs((x - x0) * arrow[1]) + Math.abs((y - y0) * arrow[0]);
        if (along <= 0.5 || across > 2 * along) return;
        const cost = along + 2 * across;
        if (cost < least) [best, least] = [number, cost];
      });
      if (best >= 0) show(best);
    });
  }

  const table = data("table-data");
  if (table) {
    const picture = byId("table-picture");
    const cursor = byId("table-cursor");
    const panel = byId("table-details");
    const earlier = byId("earlier");
    const recent = byId("recent");
    const columns = table.columns;
    const rows = earlier ? columns : 1;
    const size = Number(picture.dataset.cell);
    let row = 0;
    let column = 0;
    const name = (number) => `${table.names[number]} (${table.ids[number]})`;
    const show = () => {
      cursor.setAttribute("x", column);
      cursor.setAttribute("y", row);
      if (earlier) earlier.value = String(row);
      recent.value = String(column);
      const context = earlier ? [row, column] : [column];
      panel.replaceChildren(isolated("h3", `After ${context.map(name).join(", then ")}`));
      const cell = table.cells[row * columns + column];
      if (!cell) {
        const reason = earlier && row === column ? "The clusters of a context are distinct." : "The table has no such context.";
        panel.append(make("p", reason));
        return;
      }
      const next = make("ol");
      for (let place = 0; place < cell.length; place += 2) {
        const score = -cell[place + 1] / 1000;
        const item = isolated("li", name(cell[place]));
        item.append(make("span", ` ${(100 * Math.exp(score)).toFixed(1)} % (log ${score.toFixed(3)})`, "small"));
        next.append(item);
      }
      panel.append(next);
    };
    const move = (newRow, newColumn) => {
      row = Math.min(Math.max(newRow, 0), rows - 1);
      column = Math.min(Math.max(newColumn, 0), columns - 1);
      show();
    };
    picture.addEventListener("click", (event) => {
      const at = pointIn(picture, event);
      if (!at) return;
      const [newRow, newColumn] = [Math.floor(at.y / size), Math.floor(at.x / size)];
      if (newRow >= 0 && newRow < rows && newColumn >= 0 && newColumn < columns) move(newRow, newColumn);
    });
    picture.addEventListener("keydown", (event) => {
      const arrow = ARROWS[event.key];
      if (arrow) {
        event.preventDefault();
        move(row + arrow[1], column + arrow[0]);
      } else if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        show();
      }
    });
    if (earlier) earlier.addEventListener("change", () => move(Number(earlier.value), column));
    recent.addEventListener("change", () => move(row, Number(recent.value)));
  }

  if (location.hash) reveal(idOfHash());
})();
