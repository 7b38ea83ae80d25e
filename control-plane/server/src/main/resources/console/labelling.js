// Keys for those who label hundreds: a accepts, c corrects, r rejects, a digit corrects to it. Where no class was
// predicted, what it was may be an amount of several digits: the first one only begins it.
const form = document.getElementById('decide');
const press = (decision) => form?.querySelector(`button[value="${decision}"]:not([disabled])`)?.click();

// Until the next task is there, a second decision would be about the one that is decided.
let sent = false;
form?.addEventListener('submit', (event) => {
  if (sent) event.preventDefault();
  sent = true;
});
addEventListener('pageshow', () => { sent = false; });

document.addEventListener('keydown', (event) => {
  // A key that is held would go through tasks that nobody has seen.
  if (!form || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const label = form.elements.label;
  const typing = event.target === label;
  if (event.key === 'Escape' && typing) {
    label.blur();
  } else if (typing) {
    if (event.key === 'Enter') {
      event.preventDefault();
      press('correct');
    }
  } else if (/^[0-9]$/.test(event.key)) {
    const whole = form.querySelector('button[value="accept"]:not([disabled])');
    event.preventDefault();
    label.focus();
    label.value = event.key;
    if (whole) press('correct');
  } else if (event.key === 'a') {
    press('accept');
  } else if (event.key === 'r') {
    press('reject');
  } else if (event.key === 'c') {
    event.preventDefault();
    label.focus();
  }
});
