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
  // A link that goes over the end of a line has a box on each of the two.
  const boxes = controls.map((one) => [one, [...one.getClientRects()].filter((box) => box.width > 1 && box.height > 1)]);
  const over = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 3 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  boxes.forEach(([one, own], at) => boxes.slice(at + 1).forEach(([other, others]) => {
    if (!one.contains(other) && !other.contains(one) && own.some((a) => others.some((b) => over(a, b)))) faults.push(`lays ${told(other)} over ${told(one)}`);
  }));
  // A list keeps its columns in sight; the tables of reports may be wider than the window and scroll.
  for (const one of document.querySelectorAll('.table-wrap')) {
    if (innerWidth > 1000 && !one.querySelector('.report-table') && seen(one) && one.scrollWidth > one.clientWidth + 1) faults.push(`hides columns ${told(one)}`);
  }
  return [...new Set(faults)].slice(0, 12);
}
