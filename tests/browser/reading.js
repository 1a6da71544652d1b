// What a page looks like from within. Every function gives plain data, from which reading.py makes its complaints.
(() => {
  const seen = element => element.checkVisibility({visibilityProperty: true, contentVisibilityAuto: true});
  const told = element => element.outerHTML.slice(0, 120);

  function outline() {
    const named = svg => ['img', 'group'].includes(svg.getAttribute('role'))
      && (svg.getAttribute('aria-label') || svg.getAttribute('aria-labelledby') || svg.querySelector('title'));
    const spared = svg => svg.closest('[aria-hidden=true]') || svg.closest('[role=img][aria-label]');
    return {
      language: document.documentElement.lang,
      title: document.title,
      headings: [...document.querySelectorAll('h1')].filter(seen).map(heading => heading.innerText),
      wordless: [
        ...document.querySelectorAll('img:not([alt])'),
        ...[...document.querySelectorAll('svg')].filter(svg => !spared(svg) && !named(svg)),
      ].map(told),
      scripts: document.scripts.length,
    };
  }

  // What reaches out of the page to the right, and is not inside something that scrolls.
  function wide() {
    const room = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= room) return [];
    const held = element => {
      for (let up = element.parentElement; up && up !== document.body; up = up.parentElement)
        if (getComputedStyle(up).overflowX !== 'visible') return true;
      return false;
    };
    const out = [...document.body.querySelectorAll('*')]
      .filter(element => element.getBoundingClientRect().right > room + 0.5 && !held(element));
    return ['the document', ...out.slice(0, 5).map(told)];
  }

  // What scrolls sideways and does not show that there is more.
  function cut() {
    const more = element => element.scrollWidth > element.clientWidth + 1
      && ['auto', 'scroll'].includes(getComputedStyle(element).overflowX);
    const hinted = element => getComputedStyle(element).backgroundAttachment.includes('local');
    return [...document.body.querySelectorAll('*')].filter(element => more(element) && !hinted(element)).map(told);
  }

  async function rules() {
    const options = {rules: {'color-contrast': {enabled: false}}, resultTypes: ['violations'], preload: false};
    return (await axe.run(document, options)).violations;
  }

  // Contrast of one element for every colour, ground and size of text: the others have the same, and axe takes long.
  async function contrast() {
    const ground = element => {
      for (let up = element; up; up = up.parentElement) {
        const colour = getComputedStyle(up).backgroundColor;
        if (colour !== 'rgba(0, 0, 0, 0)') return colour;
      }
    };
    const worded = node => node.nodeType === Node.TEXT_NODE && node.data.trim();
    const kinds = new Map();
    for (const element of document.body.querySelectorAll('*')) {
      if (![...element.childNodes].some(worded) || !seen(element)) continue;
      const {color, fill, opacity, fontSize, fontWeight} = getComputedStyle(element);
      const kind = [color, fill, opacity, ground(element), fontSize, fontWeight].join();
      if (!(kinds.get(kind)?.children.length <= element.children.length)) kinds.set(kind, element);
    }
    const options = {runOnly: ['color-contrast'], resultTypes: ['violations'], preload: false};
    // The shade at the edge of what scrolls would keep axe from judging the text of a table.
    const shades = [...document.querySelectorAll('.scroll')];
    shades.forEach(element => { element.style.backgroundImage = 'none'; });
    const found = await axe.run([...kinds.values()], options);
    shades.forEach(element => { element.style.backgroundImage = ''; });
    return found.violations;
  }

  let stops = [], steps = [];

  function note() {
    const element = document.activeElement;
    const style = getComputedStyle(element), box = element.getBoundingClientRect();
    steps.push({
      at: stops.indexOf(element),
      is: told(element),
      marked: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1 || style.boxShadow !== 'none',
      seen: box.width > 1 && box.height > 1
        && box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight,
      box: [box.left + scrollX, box.top + scrollY, box.right + scrollX, box.bottom + scrollY],
    });
  }

  // Every place the Tab key has to stop at, in the order of the document, and how often; from now on each is noted.
  function setOut() {
    const all = document.querySelectorAll(
      'a[href], area[href], button, input, select, textarea, summary, iframe, [tabindex]');
    stops = [...all].filter(element =>
      element.tabIndex >= 0 && !element.disabled && element.type !== 'hidden' && seen(element));
    steps = [];
    document.addEventListener('focusin', note);
    const dated = 4;  // month, day, year, and the button of the calendar
    return stops.map(stop => ({is: told(stop), presses: stop.type === 'date' ? dated : 1}));
  }

  // The rest of a long way: the stops not yet reached, each given the focus as a key would.
  function goOn() {
    document.removeEventListener('focusin', note);
    for (const stop of stops.slice(steps.length)) {
      stop.focus({focusVisible: true});
      note();
    }
    return steps;
  }

  const goBack = () => stops[0]?.focus({focusVisible: true});
  const within = () => document.activeElement.closest('main, footer') !== null;

  window.reading = {outline, wide, cut, rules, contrast, setOut, goOn, goBack, within};
})();
