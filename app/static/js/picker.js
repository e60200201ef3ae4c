// Suggestions under a picker field: a combobox after the ARIA pattern.  A row that has others
// below it (a region) can be opened: its button, or the arrow to the right.  Without this script
// the form still works: the server looks up what was typed.
(() => {
  "use strict";
  const WAIT_MS = 150;
  let boxes = 0;

  function combobox(input) {
    const hidden = input.parentElement.querySelector("input[type=hidden]") || { value: "" };
    const onward = document.documentElement.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
    const back = document.documentElement.dir === "rtl" ? "ArrowRight" : "ArrowLeft";
    const list = document.createElement("ul");
    list.id = "picker-" + (boxes += 1);
    list.className = "picker-list";
    list.setAttribute("role", "listbox");
    list.hidden = true;
    input.parentElement.append(list);
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", list.id);
    input.setAttribute("aria-expanded", "false");
    let timer = 0;
    let asked = 0;
    let at = -1;
    let way = []; // the places that were opened, the last one innermost

    const options = () => [...list.querySelectorAll("[role=option]")];

    function close() {
      list.hidden = true;
      at = -1;
      way = [];
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    }

    function mark(next) {
      const all = options();
      if (!all.length) return;
      at = (next + all.length) % all.length;
      all.forEach((one, number) => one.setAttribute("aria-selected", String(number === at)));
      all[at].scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", all[at].id);
    }

    function choose(option) {
      if (input.dataset.go) {
        location.assign(input.dataset.go + option.dataset.id);
        return;
      }
      hidden.value = option.dataset.id;
      input.value = option.dataset.label;
      input.removeAttribute("aria-invalid");
      close();
      fill(JSON.parse(option.dataset.fills || "{}"));
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }

    // What follows from the row goes into the other pickers of the form that are still empty.
    function fill(others) {
      for (const [name, row] of Object.entries(others)) {
        const key = input.form && input.form.elements[name];
        const text = input.form && input.form.elements[`${name}-text`];
        if (!key || !text || text.value.trim() !== "") continue;
        key.value = row.id;
        text.value = row.label;
        text.removeAttribute("aria-invalid");
      }
    }

    function open(option) {
      way.push({ id: option.dataset.id, label: option.dataset.label });
      ask();
    }

    // Before the field loses its focus, or the list would be gone.
    function pressed(element, act) {
      element.addEventListener("mousedown", (event) => {
        event.preventDefault();
        event.stopPropagation();
        act();
      });
    }

    function wayBack() {
      const item = document.createElement("li");
      item.className = "picker-back";
      item.setAttribute("role", "presentation");
      const sign = document.createElement("i");
      sign.className = "fa fa-chevron-left flip";
      sign.setAttribute("aria-hidden", "true");
      const words = document.createElement("span");
      words.textContent = way[way.length - 1].label;
      item.append(sign, words);
      pressed(item, () => {
        way.pop();
        ask();
      });
      return item;
    }

    function draw(rows, walking) {
      list.replaceChildren();
      if (way.length) list.append(wayBack());
      rows.forEach((row, number) => {
        const option = document.createElement("li");
        option.id = `${list.id}-${number}`;
        option.setAttribute("role", "option");
        option.dataset.id = row.id;
        option.dataset.label = row.label;
        option.dataset.fills = JSON.stringify(row.fills || {});
        const words = document.createElement("div");
        const label = document.createElement("span");
        label.textContent = walking && row.name ? row.name : row.label;
        words.append(label);
        if (row.note) {
          const note = document.createElement("small");
          note.textContent = row.note;
          words.append(note);
        }
        option.append(words);
        if (row.below) {
          option.dataset.below = row.below;
          const button = document.createElement("button");
          button.type = "button";
          button.tabIndex = -1;
          button.className = "picker-open";
          button.title = input.dataset.open;
          button.setAttribute("aria-label", input.dataset.open);
          button.innerHTML = '<i class="fa fa-chevron-right flip" aria-hidden="true"></i>';
          pressed(button, () => open(option));
          option.append(button);
        }
        pressed(option, () => choose(option));
        list.append(option);
      });
      if (!rows.length) {
        const none = document.createElement("li");
        none.className = "picker-none";
        none.textContent = input.dataset.none;
        list.append(none);
      }
      at = -1;
      list.hidden = false;
      input.setAttribute("aria-expanded", "true");
      if (way.length) mark(0);
    }

    async function ask() {
      const number = (asked += 1);
      const text = hidden.value || way.length ? "" : input.value;
      const address = new URL(input.dataset.picker, location.href);
      address.searchParams.set("q", text);
      if (way.length) address.searchParams.set("under", way[way.length - 1].id);
      try {
        const answer = await fetch(address, { headers: { Accept: "application/json" } });
        if (!answer.ok) return;
        const rows = await answer.json();
        // A slow answer must not replace a newer one.
        if (number === asked && document.activeElement === input) draw(rows, text.trim() === "");
      } catch {
        close();
      }
    }

    input.addEventListener("input", () => {
      hidden.value = "";
      way = [];
      clearTimeout(timer);
      timer = setTimeout(ask, WAIT_MS);
    });
    input.addEventListener("click", () => list.hidden && ask());
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      const marked = !list.hidden && at >= 0 ? options()[at] : null;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (list.hidden) ask();
        else mark(at + (event.key === "ArrowDown" ? 1 : -1));
      } else if (event.key === onward && marked && marked.dataset.below) {
        event.preventDefault();
        open(marked);
      } else if (event.key === back && !list.hidden && way.length) {
        event.preventDefault();
        way.pop();
        ask();
      } else if (event.key === "Enter" && marked) {
        event.preventDefault();
        choose(marked);
      } else if (event.key === "Escape" && !list.hidden) {
        event.stopPropagation();
        close();
      }
    });
  }

  document.querySelectorAll("input[data-picker]").forEach(combobox);
})();
