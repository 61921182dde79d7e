// Looks at every page as people do: three languages, two themes, desk and telephone. Fails on a console error, a refused
// resource, a page wider than its screen, or text with too little contrast; keeps pictures.
//
//   cargo run -p panel --example showcase -- 127.0.0.1:8090 &
//   node e2e/shots.mjs http://127.0.0.1:8090 e2e/shots
//
// CHROMIUM names the browser when it is not /usr/bin/chromium.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { contrastFaults } from './contrast.mjs';

const [base = 'http://127.0.0.1:8090', out = 'e2e/shots', only = ''] = process.argv.slice(2);
const SIZES = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
const faults = [];
mkdirSync(out, { recursive: true });

const profile = mkdtempSync(join(tmpdir(), 'panel-e2e-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

async function look(page, name) {
  await page.waitForTimeout(350);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  const cut = await page.evaluate(() => {
    const box = document.querySelector('dialog[open]');
    return box ? box.scrollWidth - box.clientWidth : 0;
  });
  if (cut > 0) faults.push(`${name}: ${cut} px of the dialog are cut off`);
  if (wide > 0) faults.push(`${name}: ${wide} px wider than the screen`);
  for (const fault of await contrastFaults(page)) faults.push(`${name}: ${fault}`);
  await page.screenshot({ path: join(out, `${name}.png`) });
}

async function visit(language, theme, size) {
  const page = await browser.newPage();
  await page.setViewportSize(SIZES[size]);
  await page.addInitScript(([tag, wanted]) => {
    localStorage.setItem('dogana.language', tag);
    localStorage.setItem('dogana.theme', wanted);
  }, [language, theme]);
  const name = (what) => `${what}-${language}-${theme}-${size}`;
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('401')) faults.push(`${name('console')}: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`${name('script')}: ${error.message}`));
  await page.goto(base);
  await page.waitForSelector('form');
  await look(page, name('login'));
  await page.fill('input[name=login]', 'op@host.example');
  await page.fill('input[name=password]', 'showcase');
  await page.press('input[name=password]', 'Enter');
  await page.waitForSelector('.stories tbody tr');
  await look(page, name('live'));
  await page.goto(`${base}/?class=spam`);
  await page.waitForSelector('.stories tbody tr');
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.timeline');
  await look(page, name('story'));
  await page.screenshot({ path: join(out, `${name('story-full')}.png`), fullPage: true });
  await page.goto(`${base}/senders`);
  await page.waitForSelector('.senders tbody tr');
  await look(page, name('senders'));
  await page.click('.senders td.do button');
  await page.waitForSelector('dialog[open]');
  await look(page, name('lock'));
  await page.keyboard.press('Escape');
  await page.goto(`${base}/senders/${encodeURIComponent('mailbox:shop@vinyl.example')}`);
  await page.waitForSelector('.tiles');
  await look(page, name('sender'));
  await page.goto(`${base}/queue`);
  await page.waitForSelector('.queue tbody tr');
  await look(page, name('queue'));
  await page.keyboard.press('?');
  await page.waitForSelector('dialog[open]');
  await look(page, name('keys'));
  await page.keyboard.press('Escape');
  await page.click('.menu > button');
  await look(page, name('menu'));
  const refused = await page.evaluate(async () => (await (await fetch('/v1/stories?class=spam')).json()).rows[0].id);
  await page.emulateMedia({ colorScheme: theme });
  await page.goto(`${base}/r/${refused}?lang=${language}`);
  await look(page, name('public'));
  await page.close();
  await browser.clearCookies();
}

for (const language of ['it', 'ru', 'en']) {
  for (const theme of ['light', 'dark']) {
    for (const size of Object.keys(SIZES)) {
      if (!`${language}-${theme}-${size}`.includes(only)) continue;
      await visit(language, theme, size);
    }
  }
}
await browser.close();
rmSync(profile, { recursive: true, force: true });
for (const fault of new Set(faults)) console.error(fault);
console.log(`${faults.length} faults; pictures in ${out}`);
process.exit(faults.length ? 1 : 0);
