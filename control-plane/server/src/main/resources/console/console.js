// Keeps the page's parts fresh: the server tells which part changed, htmx fetches that part.
// Without script the page is complete as it was served.
const live = document.getElementById('live');
const root = document.documentElement;
let lastMessage = 0;
let paused = false;
const waiting = new Set();

const show = (state, text) => {
  if (!live) return;
  live.dataset.state = state;
  live.textContent = text;
};

const age = () => {
  if (!lastMessage) return;
  if (paused) return show('paused', 'paused');
  const seconds = Math.round((Date.now() - lastMessage) / 1000);
  const text = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  show(seconds < 10 ? 'live' : 'stale', seconds < 10 ? `live · ${text}` : `stale · ${text}`);
};

const refresh = (part) => {
  if (paused) {
    waiting.add(part);
  } else {
    document.body.dispatchEvent(new CustomEvent(`skerry-${part}`));
  }
};

// Only the overview is live.
if (live) {
  const source = new EventSource('/v1/events');
  source.addEventListener('part', (event) => {
    lastMessage = Date.now();
    refresh(event.data);
  });
  source.addEventListener('alive', () => {
    lastMessage = Date.now();
  });
  setInterval(age, 1000);
}

document.getElementById('pause')?.addEventListener('click', (event) => {
  paused = !paused;
  event.currentTarget.textContent = paused ? 'Resume' : 'Pause';
  event.currentTarget.setAttribute('aria-pressed', String(paused));
  if (!paused) {
    waiting.forEach(refresh);
    waiting.clear();
  }
  age();
});

document.getElementById('theme')?.addEventListener('click', () => {
  const dark =
    root.dataset.theme === 'dark' ||
    (!root.dataset.theme && matchMedia('(prefers-color-scheme: dark)').matches);
  root.dataset.theme = dark ? 'light' : 'dark';
  localStorage.setItem('skerry-theme', root.dataset.theme);
});

// What the reader opened and scrolled stays as it was when a part is replaced.
const kept = new Map();
document.body.addEventListener('htmx:beforeSwap', (event) => {
  const part = event.detail.target;
  kept.set(part.id, {
    open: [...part.querySelectorAll('details')].map((one) => one.open),
    scrolled: [...part.querySelectorAll('.scroll')].map((one) => [one.scrollTop, one.scrollLeft]),
  });
});
document.body.addEventListener('htmx:afterSwap', (event) => {
  const part = event.detail.target;
  const before = kept.get(part.id);
  if (!before) return;
  part.querySelectorAll('details').forEach((one, i) => { one.open = before.open[i] ?? one.open; });
  part.querySelectorAll('.scroll').forEach((one, i) => {
    const [top, left] = before.scrolled[i] ?? [0, 0];
    one.scrollTop = top;
    one.scrollLeft = left;
  });
});

// A form that somebody is using stays as it is until they leave it: no button moves under a finger
// or loses the keyboard. Only the revision follows, for it belongs to what is shown beside it.
document.body.addEventListener('htmx:oobBeforeSwap', (event) => {
  const { target, fragment } = event.detail;
  if (!target.closest('form')?.matches(':focus-within, :active')) return;
  event.detail.shouldSwap = false;
  const shown = fragment.querySelector('[name=revision]');
  const sent = target.querySelector('[name=revision]');
  if (shown && sent) sent.value = shown.value;
});
