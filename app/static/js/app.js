// What every page needs: drawer, menus, theme, questions, toasts, lists. No page breaks without it.
"use strict";
(function () {
  const root = document.documentElement;
  const all = (selector, within) => Array.from((within || document).querySelectorAll(selector));
  const on = (type, selector, act) => document.addEventListener(type, (event) => {
    const found = event.target.closest && event.target.closest(selector);
    if (found) act(found, event);
  });

  const here = document.querySelector(".side [aria-current]");
  if (here) { // within the menu alone: the page stays at its top
    const side = document.querySelector(".side-part");
    side.scrollTop += Math.max(0, here.getBoundingClientRect().bottom + 8 - side.getBoundingClientRect().bottom);
  }

  // --- drawer of the phone ---------------------------------------------------------------
  const opener = document.querySelector("[data-drawer-open]");
  function drawer(open) {
    document.body.classList.toggle("side-open", open);
    opener.setAttribute("aria-expanded", String(open));
    (open ? document.querySelector(".side a") : opener).focus();
  }
  on("click", "[data-drawer-open]", () => drawer(true));
  on("click", "[data-drawer-close]", () => drawer(false));

  // --- menus: one open at a time; those inside a scrolling table float --------------------
  function place(menu) {
    const box = menu.querySelector(".menu-box");
    const from = menu.querySelector("summary").getBoundingClientRect();
    box.style.position = "fixed";
    box.style.insetInlineEnd = "auto";
    const width = box.offsetWidth, height = box.offsetHeight;
    const start = root.dir === "rtl" ? from.left : from.right - width;
    const below = from.bottom + 4 + height < window.innerHeight;
    box.style.left = Math.max(8, Math.min(start, window.innerWidth - width - 8)) + "px";
    box.style.top = (below ? from.bottom + 4 : Math.max(8, from.top - height - 4)) + "px";
  }
  document.addEventListener("toggle", (event) => {
    const menu = event.target;
    if (!menu.matches || !menu.matches("details.menu") || !menu.open) return;
    all("details.menu[open]").forEach((other) => { if (other !== menu) other.open = false; });
    if (menu.hasAttribute("data-float")) place(menu);
  }, true);
  document.addEventListener("click", (event) => {
    all("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });
  window.addEventListener("scroll", () => all("details.menu[data-float][open]").forEach((menu) => { menu.open = false; }), true);

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      if (document.body.classList.contains("side-open")) drawer(false);
      all("details.menu[open]").forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
    }
    const typing = event.target.matches && event.target.matches("input, select, textarea, [contenteditable]");
    if (event.key === "/" && root.dataset.singleKeys !== "off" && !typing && !event.ctrlKey && !event.metaKey && !document.querySelector("dialog[open]")) {
      const box = document.querySelector("[data-slash]");
      if (box) { event.preventDefault(); box.focus(); box.select(); }
    }
  });

  // --- theme: the page turns at once, the server keeps it with the person -----------------
  on("click", "[data-theme-toggle]", (button) => {
    const dark = root.dataset.theme === "dark" ||
      (root.dataset.theme === "auto" && window.matchMedia("(prefers-color-scheme: dark)").matches);
    const chosen = dark ? "light" : "dark";
    root.dataset.theme = chosen;
    const sent = new URLSearchParams({ theme: chosen, csrf_token: button.dataset.csrf });
    fetch(button.dataset.url, { method: "POST", body: sent, credentials: "same-origin" });
  });

  // --- the question before what cannot be undone -------------------------------------------
  const ask = document.getElementById("question");
  function question(data, label, yes) {
    document.getElementById("question-title").textContent = data.ask;
    document.getElementById("question-text").textContent = data.text || "";
    document.getElementById("question-act").textContent = data.act || label;
    const keep = document.getElementById("question-keep");
    keep.textContent = data.keep || keep.dataset.word;
    ask.returnValue = "";
    ask.onclose = () => { if (ask.returnValue === "yes") yes(); };
    ask.showModal();
    keep.focus();
  }
  document.addEventListener("submit", (event) => {
    const form = event.target, button = event.submitter;
    const data = button && button.dataset.ask ? button.dataset : form.dataset;
    if (ask && data.ask && !form.asked) {
      event.preventDefault();
      question(data, button ? button.textContent : "", () => { form.asked = true; form.requestSubmit(button); form.asked = false; });
      return;
    }
    // A second click on a form that is under way is not a second sending.
    if (form.hasAttribute("data-once")) {
      if (form.sent) { event.preventDefault(); return; }
      form.sent = true;
      if (button) button.setAttribute("aria-busy", "true");
    }
  });
  // An address says what was asked, not what was left empty.
  document.addEventListener("formdata", (event) => {
    if (!event.target.hasAttribute("data-skip-empty")) return;
    new Set(event.formData.keys()).forEach((name) => {
      if (event.formData.getAll(name).every((value) => value === "")) event.formData.delete(name);
    });
    // Days are out of sight once a period with a name has taken their place.
    const period = event.formData.get("period");
    if (period && period !== "days") ["from", "to"].forEach((name) => event.formData.delete(name));
  });
  window.addEventListener("pageshow", () => {
    all("form[data-once]").forEach((form) => { form.sent = false; });
    all("form[data-once] [aria-busy]").forEach((button) => button.removeAttribute("aria-busy"));
  });
  window.tell = (text) => { document.getElementById("tell-text").textContent = text; document.getElementById("tell").showModal(); };

  // --- toasts: eight seconds, held by pointer and focus --------------------------------------
  all("[data-toast]").forEach((toast) => {
    let timer;
    const go = () => { timer = setTimeout(() => toast.remove(), 8000); };
    const hold = () => clearTimeout(timer);
    toast.addEventListener("mouseenter", hold);
    toast.addEventListener("mouseleave", go);
    toast.addEventListener("focusin", hold);
    toast.addEventListener("focusout", go);
    go();
  });
  on("click", "[data-toast-close]", (button) => button.closest("[data-toast]").remove());

  // --- lists: search column, filters, selection ----------------------------------------------
  on("change", "[data-search-in]", (select) => {
    const box = select.parentElement.querySelector("input");
    box.name = select.value;
    box.setAttribute("aria-label", select.selectedOptions[0].textContent);
    box.focus();
  });
  all("[data-folded]").forEach((panel) => { panel.hidden = true; });
  on("click", "[data-fold]", (button) => {
    const panel = document.getElementById(button.dataset.fold);
    panel.hidden = !panel.hidden;
    button.setAttribute("aria-expanded", String(!panel.hidden));
    if (!panel.hidden) panel.querySelector("input, select").focus();
  });
  function picked(name) {
    const boxes = all(".pick[form='rows-" + name + "']");
    const chosen = boxes.filter((box) => box.checked).length;
    const bar = document.querySelector("[data-picked='" + name + "']");
    const head = document.querySelector("[data-pick-all='" + name + "']");
    bar.classList.toggle("on", chosen > 0);
    bar.querySelector("[data-picked-count]").textContent = chosen;
    head.checked = chosen === boxes.length;
    head.indeterminate = chosen > 0 && chosen < boxes.length;
  }
  on("change", ".pick", (box) => picked(box.getAttribute("form").slice(5)));
  on("change", ".pick-all", (head) => {
    all(".pick[form='rows-" + head.dataset.pickAll + "']").forEach((box) => { box.checked = head.checked; });
    picked(head.dataset.pickAll);
  });
  on("click", "[data-unpick]", (button) => {
    const name = button.closest("[data-picked]").dataset.picked;
    all(".pick[form='rows-" + name + "']").forEach((box) => { box.checked = false; });
    picked(name);
  });

  // --- fields ----------------------------------------------------------------------------------
  all("[data-reveal]").forEach((button) => { button.hidden = false; });
  on("click", "[data-reveal]", (button) => {
    const field = document.getElementById(button.dataset.reveal);
    const word = button.querySelector("span"), other = button.dataset.hide;
    button.dataset.hide = word.textContent;
    word.textContent = other;
    field.type = field.type === "password" ? "text" : "password";
    field.focus();
  });
  on("click", "[data-copy]", (button) => navigator.clipboard && navigator.clipboard.writeText(button.dataset.copy));
  const wrong = document.querySelector("[aria-invalid='true']");
  if (wrong) wrong.focus();

  // Long lists get a search of their own; short ones stay the browser's.
  if (window.jQuery && window.jQuery.fn.select2) {
    all("select[data-pick]").forEach((select) => {
      const options = { dir: root.dir, width: "100%", allowClear: false };
      if (select.dataset.pick) options.ajax = { url: select.dataset.pick, delay: 200, data: (wanted) => ({ q: wanted.term || "" }), processResults: (rows) => ({ results: rows }) };
      window.jQuery(select).select2(options);
    });
  }
})();
