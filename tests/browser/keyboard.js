// What a walk by Tab asks of a page: tests/browser/keyboard.py runs it.
(() => {
  const USABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]:not([tabindex='-1'])";
  const SIDES = ["outlineStyle", "outlineWidth", "outlineColor", "boxShadow", "borderTopColor", "backgroundColor"];
  // The counter leads by Tab from the sum to the money; arrows go to these (test_counter_keys.py tries it).
  const BY_ARROWS = "#quick .chip";
  const LATE = ".sr-only[aria-hidden=true]";
  const words = (one) => `${one.tagName.toLowerCase()}${one.id ? "#" + one.id : ""}.${one.className} ${(one.textContent || one.name || "").trim().slice(0, 40)}`;
  const shown = (one) => one.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true }) && !one.closest("[inert]");
  const looks = (one) => [one, ...(one.labels || []), one.parentElement, one.parentElement.parentElement]
    .map((part) => { const style = getComputedStyle(part); return SIDES.map((side) => style[side]).join("|"); });
  const inGroup = (one) => one.type === "radio" && one.name;
  let marked = [], before = new Map(), last = null;

  // Of radio buttons of one name Tab reaches one; arrows go on from there.
  function reachable() {
    const groups = new Set();
    return [...document.querySelectorAll(USABLE)].filter((one) => {
      if (one.disabled || one.matches(BY_ARROWS) || one.tabIndex < 0 || one.matches(":disabled") || !shown(one)) return false;
      if (!inGroup(one)) return true;
      const name = (one.form ? one.form.id || one.form.action : "") + one.name;
      const chosen = document.querySelector(`input[type=radio][name="${CSS.escape(one.name)}"]:checked`);
      if (groups.has(name) || (chosen && chosen !== one)) return false;
      groups.add(name);
      return true;
    });
  }

  // Where a person looks for it: what covers the middle and all four corners hides it.
  function covered(one) {
    const box = one.getBoundingClientRect();
    const ins = (a, b) => [a + 2, (a + b) / 2, b - 2];
    for (const x of ins(box.left, box.right)) for (const y of ins(box.top, box.bottom)) {
      const top = document.elementFromPoint(x, y);
      if (top && (top === one || one.contains(top) || top.contains(one) || [...(one.labels || [])].some((label) => label.contains(top)))) return false;
    }
    return true;
  }

  // Of two that stand on one line in one part, the second lies where one reads on.
  function against(from, to) {
    if (!from || from.parentElement !== to.parentElement) return false;
    const a = from.getBoundingClientRect(), b = to.getBoundingClientRect();
    if (Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) < Math.min(a.height, b.height) / 2) return false;
    return getComputedStyle(to.parentElement).direction === "rtl" ? b.right > a.right + 2 : b.left < a.left - 2;
  }

  window.keys = {
    begin() {
      document.activeElement.blur();
      window.getSelection().removeAllRanges();
      window.scrollTo(0, 0);
      document.body.setAttribute("tabindex", "-1");
      document.body.focus({ preventScroll: true });
      document.body.removeAttribute("tabindex");
      marked = reachable();
      before = new Map(marked.map((one) => [one, looks(one).join()]));
      last = null;
      return marked.map((one, number) => [number, words(one)]);
    },
    // Looks like something to press, and no key gets there.
    mouseOnly() {
      return [...document.querySelectorAll("body *")].filter((one) => {
        if (!shown(one) || getComputedStyle(one).cursor !== "pointer") return false;
        if (one.parentElement && getComputedStyle(one.parentElement).cursor === "pointer") return false;
        return !one.closest(USABLE) && !one.querySelector(USABLE) && !one.closest("label") && !one.closest(LATE);
      }).map((one) => `for the mouse alone: ${words(one)}`);
    },
    here() {
      const one = document.activeElement, faults = [];
      if (!one || one === document.body) return [null, []];
      const at = marked.indexOf(one);
      if (at < 0) return [marked.length + 1, last === one ? ["the focus sticks: " + words(one)] : []];
      if (looks(one).join() === before.get(one)) faults.push(`focus is not seen: ${words(one)}`);
      if (covered(one)) faults.push(`focus is covered or out of sight: ${words(one)}`);
      if (against(last, one)) faults.push(`goes back on its line: ${words(one)}`);
      last = one;
      return [at, faults];
    },
  };
})();
