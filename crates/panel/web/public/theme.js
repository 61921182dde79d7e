// Before anything is painted: the theme that was chosen here before.
try {
  const theme = localStorage.getItem('dogana.theme');
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's theme is used.
}
