// What is wrong with the boxes of a page: sideways scrolling, a text cut off, one control over another.
() => {
  const faults = [];
  const root = document.documentElement;
  const told = (one) => `${one.tagName.toLowerCase()}.${String(one.className).trim().split(/\s+/).join('.')} "${(one.innerText || one.value || '').slice(0, 40)}"`;
  const seen = (one) => one.checkVisibility({checkOpacity: true, checkVisibilityCSS: true}) && !one.closest('.sr-only, .unseen, .table.cards thead, [hidden], dialog:not([open])');
  // What stays in view while the page moves is over something by its purpose.
  const floats = (one) => one && (['fixed', 'sticky'].includes(getComputedStyle(one).position) || floats(one.parentElement));
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.querySelectorAll('main *, .bar *')].filter((one) => seen(one)).find((one) => {
      const box = one.getBoundingClientRect();
      return box.right > root.clientWidth + 1 || box.left < -1;
    });
    faults.push(`scrolls sideways by ${root.scrollWidth - root.clientWidth} px${wide ? ': ' + told(wide) : ''}`);
  }
  for (const one of document.querySelectorAll('main *, .bar *, .side *')) {
    const style = getComputedStyle(one);
    const cuts = ['hidden', 'clip'].includes(style.overflowX) && one.scrollWidth > one.clientWidth + 1;
    if (cuts && one.clientWidth > 1 && style.textOverflow !== 'ellipsis' && seen(one) && one.innerText) faults.push(`cuts off ${told(one)}`);
  }
  const controls = [...document.querySelectorAll('main a, main button, main input:not([type=hidden]), main select, main summary')].filter((one) => seen(one) && !floats(one));
  const boxes = controls.map((one) => [one, one.getBoundingClientRect()]).filter(([, box]) => box.width > 1 && box.height > 1);
  boxes.forEach(([one, a], at) => boxes.slice(at + 1).forEach(([other, b]) => {
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (across > 3 && down > 3 && !one.contains(other) && !other.contains(one)) faults.push(`lays ${told(other)} over ${told(one)}`);
  }));
  return [...new Set(faults)].slice(0, 12);
}
