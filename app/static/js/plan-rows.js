// The plan page's rows: they are added, moved and removed in place, by button and by key (Enter adds a
// row below, Alt with an arrow moves it, Alt with Delete takes it away).  Names follow the places, so
// that the server reads the rows in their order.  Without this script the buttons are sent instead.
(() => {
  "use strict";
  const form = document.querySelector("[data-plan-form]");
  if (!form) return;
  const lists = (root) => [...root.querySelectorAll("[data-rows]")];
  const holder = (list) => list.querySelector("[data-rows-in]");
  const rowsOf = (list) => [...holder(list).children].filter((row) => row.hasAttribute("data-row"));
  const fields = (row) => [...row.querySelectorAll("input:not([type=hidden]), select")];
  const texts = (row) => fields(row).filter((field) => field.type !== "checkbox" && field.tagName === "INPUT");
  const blank = (row) => texts(row).every((field) => field.value.trim() === "");
  const changed = () => form.dispatchEvent(new Event("rows", { bubbles: true }));

  // --- names follow places --------------------------------------------------------------------
  const NAMED = ["name", "id", "for", "value", "aria-describedby", "data-rows", "data-bases"];
  function everything(root) {
    const found = [root, ...root.querySelectorAll("*")];
    root.querySelectorAll("template").forEach((pattern) => found.push(...everything(pattern.content)));
    return found;
  }
  function renumber(list) {
    const path = list.dataset.rows;
    rowsOf(list).forEach((row, number) => {
      everything(row).forEach((one) => {
        if (!one.getAttribute) return;
        NAMED.forEach((name) => {
          const old = one.getAttribute(name);
          if (!old || !old.startsWith(path + "-")) return;
          if (name === "value" && one.name !== "act") return;
          const rest = old.slice(path.length + 1).replace(/^[^-:]+/, String(number));
          one.setAttribute(name, `${path}-${rest}`);
        });
      });
    });
  }

  // --- what the row above and the place say -----------------------------------------------------
  function follow(list) {
    const rows = rowsOf(list);
    rows.forEach((row, number) => {
      const from = row.querySelector(":scope > .plan-cell [data-from] bdi");
      if (from) {
        const above = number === 0 ? "0" : texts(rows[number - 1])[0].value.trim();
        from.textContent = above || "…";
        texts(row)[0].placeholder = number === rows.length - 1 ? list.dataset.open : "";
      }
      const act = (name) => row.querySelector(`[data-row-act=${name}]`);
      if (act("up")) act("up").disabled = number === 0;
      if (act("down")) act("down").disabled = number === rows.length - 1;
      act("drop").disabled = rows.length === 1 && list.dataset.kind === "step";
    });
    list.querySelector(":scope > .acts [data-row-add]").disabled = rows.length >= Number(list.dataset.most);
  }

  // --- codes, and the boxes of the taxes --------------------------------------------------------
  function giveCode(row) {
    const code = row.querySelector("[data-code]");
    if (!code) return;
    const used = new Set([...form.querySelectorAll("[data-code]")].map((one) => one.value));
    let number = 0;
    while (used.has(`new-${number}`)) number += 1;
    code.value = `new-${number}`;
  }
  const nameOf = (row) => texts(row)[0].value.trim();
  const named = (kind) => rowsOf(form.querySelector(`[data-rows=${kind}]`)).filter((row) => nameOf(row));
  function taxable() {
    const lines = [...named("fees"), ...named("levies")].map((row) => [row.querySelector("[data-code]").value, nameOf(row)]);
    const earlier = [];
    rowsOf(form.querySelector("[data-rows=taxes]")).forEach((row) => {
      const box = row.querySelector("[data-bases]");
      const ticks = box.querySelector(".plan-ticks");
      const ticked = new Set([...ticks.querySelectorAll("input:checked")].map((one) => one.value));
      const fixed = [...ticks.children].filter((label) => ["energy", "fixed", "fine"].includes(label.querySelector("input").value));
      const more = [...lines, ...earlier].map(([code, name]) => {
        const label = fixed[0].cloneNode(true);
        const input = label.querySelector("input");
        input.value = code;
        input.checked = ticked.has(code);
        label.querySelector("span").textContent = name;
        return label;
      });
      const focused = document.activeElement && ticks.contains(document.activeElement) ? document.activeElement.value : null;
      ticks.replaceChildren(...fixed, ...more);
      if (focused) ticks.querySelector(`input[value="${CSS.escape(focused)}"]`)?.focus();
      const gross = row.querySelector("select").value === "gross";
      row.querySelector("[data-lines]").hidden = gross;
      if (nameOf(row) && !gross) earlier.push([row.querySelector("[data-code]").value, nameOf(row)]);
    });
  }

  // --- acts -------------------------------------------------------------------------------------
  function made(list) {
    const pattern = list.querySelector(":scope > [data-pattern]");
    const box = document.createElement("div");
    box.innerHTML = pattern.innerHTML.replaceAll(list.dataset.mark, "0");
    return box.firstElementChild;
  }
  function add(list, below) {
    if (rowsOf(list).length >= Number(list.dataset.most)) return;
    const row = made(list);
    giveCode(row);
    if (below) below.after(row);
    else holder(list).append(row);
    lists(row).forEach(open);
    settle(list);
    texts(row)[0].focus();
  }
  function drop(list, row) {
    const rows = rowsOf(list);
    if (rows.length === 1 && list.dataset.kind === "step") return;
    const next = rows[rows.indexOf(row) + 1] || rows[rows.indexOf(row) - 1];
    row.remove();
    settle(list);
    (next ? texts(next)[0] : list.querySelector(":scope > .acts [data-row-add]")).focus();
  }
  function move(list, row, by, focus) {
    const rows = rowsOf(list);
    const other = rows[rows.indexOf(row) + by];
    if (!other || list.dataset.kind === "schedule") return;
    if (by < 0) other.before(row);
    else other.after(row);
    settle(list);
    (focus && !focus.disabled ? focus : texts(row)[0]).focus();
  }
  function settle(list) {
    renumber(list);
    follow(list);
    taxable();
    changed();
  }
  const listOf = (one) => one.closest("[data-rows]");
  const rowOf = (one) => one.closest("[data-row]");

  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-row-act], [data-row-add]");
    if (!button) return;
    event.preventDefault();
    const list = listOf(button);
    if (button.hasAttribute("data-row-add")) return add(list);
    const row = rowOf(button);
    if (button.dataset.rowAct === "drop") return drop(list, row);
    move(list, row, button.dataset.rowAct === "up" ? -1 : 1, button);
  });
  form.addEventListener("keydown", (event) => {
    const row = rowOf(event.target);
    if (!row || !event.target.matches("input, select")) return;
    const list = listOf(row);
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.altKey && by) {
      event.preventDefault();
      move(list, row, by, event.target);
    } else if (event.altKey && event.key === "Delete") {
      event.preventDefault();
      drop(list, row);
    } else if (event.key === "Enter" && !event.altKey && event.target.matches("input:not([type=checkbox])")) {
      event.preventDefault();
      add(list, row);
    }
  });
  form.addEventListener("input", (event) => {
    if (rowOf(event.target)) follow(listOf(event.target));
    taxable();
  });

  // The empty rows are for those without a script: one is enough for a first step, none elsewhere.
  function open(list) {
    list.dataset.open = list.dataset.open || form.dataset.open;
    const wanted = list.dataset.kind === "step" ? 1 : 0;
    rowsOf(list).reverse().forEach((row) => {
      if (blank(row) && rowsOf(list).length > wanted && !row.querySelector(".error")) row.remove();
    });
    if (!rowsOf(list).length && wanted) holder(list).append(made(list));
    renumber(list);
    follow(list);
  }
  // The innermost first, so that a schedule with rows of its own is not taken for an empty one.
  lists(form).reverse().forEach(open);
  taxable();
})();
