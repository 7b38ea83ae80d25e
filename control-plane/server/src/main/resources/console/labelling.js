// Keys for those who label hundreds: a accepts, c corrects, r rejects, a digit corrects to it.
const form = document.getElementById('decide');
const press = (decision) => form?.querySelector(`button[value="${decision}"]:not([disabled])`)?.click();

document.addEventListener('keydown', (event) => {
  if (!form || event.ctrlKey || event.metaKey || event.altKey) return;
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
    label.value = event.key;
    press('correct');
  } else if (event.key === 'a') {
    press('accept');
  } else if (event.key === 'r') {
    press('reject');
  } else if (event.key === 'c') {
    event.preventDefault();
    label.focus();
  }
});
