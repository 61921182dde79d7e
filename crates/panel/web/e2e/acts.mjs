// Does in a real browser what a postmaster does, on the showcase: watches, filters, pauses, locks, unlocks, holds, releases,
// logs out. Fails on the first thing that does not happen.
//
//   cargo run -p panel --example showcase -- 127.0.0.1:8090 &
//   node e2e/acts.mjs http://127.0.0.1:8090
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [base = 'http://127.0.0.1:8090'] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), 'panel-acts-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  viewport: { width: 1440, height: 900 },
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
const page = await browser.newPage();
page.setDefaultTimeout(15_000);
page.on('pageerror', (error) => assert.fail(`script: ${error.message}`));
page.on('console', (message) => {
  if (message.text().includes('Content Security Policy')) assert.fail(message.text());
});
await page.addInitScript(() => localStorage.setItem('dogana.language', 'en'));

const first = () => page.locator('.stories tbody tr').first().locator('a').getAttribute('href');
const rows = page.locator('.stories tbody tr');

async function step(name, act) {
  await act();
  console.log(`ok  ${name}`);
}

await page.goto(base);
await step('a wrong password is refused', async () => {
  await page.fill('input[name=login]', 'op@host.example');
  await page.fill('input[name=password]', 'wrong');
  await page.click('button[type=submit]');
  await page.waitForSelector('.login-message.bad');
});
await step('the right one is not', async () => {
  await page.fill('input[name=password]', 'showcase');
  await page.click('button[type=submit]');
  await rows.first().waitFor();
});
await step('new messages appear by themselves', async () => {
  const before = await first();
  await page.waitForFunction((old) => document.querySelector('.stories tbody tr a')?.getAttribute('href') !== old, before);
});
await step('markup in a subject is text', async () => {
  await page.locator('.what bdi', { hasText: '<b>final</b>' }).first().waitFor();
  assert.equal(await page.locator('.what bdi b').count(), 0);
});
await step('pause holds the list still and counts, resume goes on', async () => {
  await page.keyboard.press('p');
  const before = await first();
  await page.locator('.count').waitFor();
  assert.equal(await first(), before);
  await page.keyboard.press('p');
  await page.waitForFunction((old) => document.querySelector('.stories tbody tr a')?.getAttribute('href') !== old, before);
});
await step('filters narrow list and stream, and stand in the address', async () => {
  await page.locator('.filters label', { hasText: 'spam' }).click();
  await page.waitForFunction(() => location.search === '?class=spam');
  await page.waitForFunction(() => [...document.querySelectorAll('.stories tbody tr')].every((row) => row.classList.contains('class-spam')));
  const before = await first();
  await page.waitForFunction((old) => document.querySelector('.stories tbody tr a')?.getAttribute('href') !== old, before);
  await page.keyboard.press('/');
  await page.keyboard.type('nobody-has-this');
  await page.locator('.empty').waitFor();
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await rows.first().waitFor();
});
await step('j and Enter open a story, u leads back', async () => {
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.locator('.timeline').waitFor();
  await page.keyboard.press('u');
  await rows.first().waitFor();
});
await step('lock and unlock a sender', async () => {
  await page.goto(`${base}/senders/${encodeURIComponent('mailbox:info@bottega.example')}`);
  await page.getByRole('button', { name: 'Lock info@bottega.example' }).click();
  await page.fill('dialog input[name=reason]', 'password stolen');
  await page.selectOption('dialog select', 'day');
  await page.locator('dialog button[type=submit]').click();
  await page.locator('.lock-notice', { hasText: 'password stolen' }).waitFor();
  await page.getByRole('button', { name: 'Unlock info@bottega.example' }).click();
  await page.fill('dialog input[name=reason]', 'password changed');
  await page.locator('dialog button[type=submit]').click();
  await page.locator('.lock-notice').waitFor({ state: 'detached' });
});
await step('hold and release a message', async () => {
  await page.goto(`${base}/queue`);
  const line = page.locator('.queue tbody tr', { hasText: 'd@slow.example' });
  await line.getByRole('button', { name: 'Hold' }).click();
  await page.fill('dialog input[name=reason]', 'to be looked at');
  await page.locator('dialog button[type=submit]').click();
  await line.locator('.state', { hasText: 'held' }).waitFor();
  await line.getByRole('button', { name: 'Release' }).click();
  await page.locator('dialog button[type=submit]').click();
  await line.locator('.state', { hasText: 'waiting' }).waitFor();
});
await step('pause a destination and resume it', async () => {
  await page.getByRole('button', { name: 'Pause something' }).click();
  await page.fill('dialog input[name=name]', 'other.example');
  await page.fill('dialog input[name=reason]', 'maintenance');
  await page.locator('dialog button[type=submit]').click();
  const pause = page.locator('.pauses li', { hasText: 'other.example' });
  await pause.getByRole('button').click();
  await pause.waitFor({ state: 'detached' });
});
await step('language and theme change at once and are remembered', async () => {
  await page.click('.menu > button');
  await page.locator('.menu-box label', { hasText: 'Русский' }).click();
  await page.locator('.page-title', { hasText: 'Очередь' }).waitFor();
  await page.locator('.menu-box label', { hasText: 'Тёмная' }).click();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  assert.equal(await page.evaluate(() => localStorage.getItem('dogana.language')), 'ru');
});
await step('log out', async () => {
  await page.getByRole('button', { name: 'Выйти' }).click();
  await page.locator('.login').waitFor();
  assert.equal(await page.evaluate(async () => (await fetch('/v1/session')).status), 401);
});
await browser.close();
rmSync(profile, { recursive: true, force: true });
