// Suggestions under a picker field: a combobox after the ARIA pattern.  Without this script the
// form still works: the server looks up what was typed.
(() => {
  "use strict";
  const WAIT_MS = 150;
  let boxes = 0;

  function combobox(input) {
    const hidden = input.parentElement.querySelector("input[type=hidden]");
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

    const options = () => [...list.querySelectorAll("[role=option]")];

    function close() {
      list.hidden = true;
      at = -1;
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

    function draw(rows) {
      list.replaceChildren();
      rows.forEach((row, number) => {
        const option = document.createElement("li");
        option.id = `${list.id}-${number}`;
        option.setAttribute("role", "option");
        option.dataset.id = row.id;
        option.dataset.label = row.label;
        option.dataset.fills = JSON.stringify(row.fills || {});
        const label = document.createElement("span");
        label.textContent = row.label;
        option.append(label);
        if (row.note) {
          const note = document.createElement("small");
          note.textContent = row.note;
          option.append(note);
        }
        // Before the field loses its focus, or the list would be gone.
        option.addEventListener("mousedown", (event) => {
          event.preventDefault();
          choose(option);
        });
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
    }

    async function ask() {
      const number = (asked += 1);
      const text = hidden.value ? "" : input.value;
      try {
        const answer = await fetch(`${input.dataset.picker}?q=${encodeURIComponent(text)}`, {
          headers: { Accept: "application/json" },
        });
        if (!answer.ok) return;
        const rows = await answer.json();
        // A slow answer must not replace a newer one.
        if (number === asked && document.activeElement === input) draw(rows);
      } catch {
        close();
      }
    }

    input.addEventListener("input", () => {
      hidden.value = "";
      clearTimeout(timer);
      timer = setTimeout(ask, WAIT_MS);
    });
    input.addEventListener("click", () => list.hidden && ask());
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (list.hidden) ask();
        else mark(at + (event.key === "ArrowDown" ? 1 : -1));
      } else if (event.key === "Enter" && !list.hidden && at >= 0) {
        event.preventDefault();
        choose(options()[at]);
      } else if (event.key === "Escape" && !list.hidden) {
        event.stopPropagation();
        close();
      }
    });
  }

  document.querySelectorAll("input[data-picker]").forEach(combobox);
})();
