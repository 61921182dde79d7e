// The frame around every page.
import { effect } from '@preact/signals';
import { helpOpen } from './keys';
import { LiveIcon, Mark, QueueIcon, SendersIcon } from './parts/icons';
import { KeyHelp } from './parts/key-help';
import { Menu } from './parts/menu';
import { LivePage } from './pages/live';
import { LoginPage } from './pages/login';
import { QueuePage } from './pages/queue';
import { SenderPage } from './pages/sender';
import { SendersPage } from './pages/senders';
import { StoryPage } from './pages/story';
import { path } from './router';
import { findSession, session, unreachable } from './session';
import { words } from './words';

void findSession();

effect(() => {
  const w = words.value;
  const first = path.value.split('/')[1] ?? '';
  const titles: Record<string, string> = { '': w.nav.live, stories: w.story.title, senders: w.nav.senders, queue: w.nav.queue };
  const site = session.value?.site_name || 'Dogana';
  document.title = session.value ? `${titles[first] ?? w.nav.live} · ${site}` : site;
});

export function App() {
  if (session.value === null) return <LoginPage />;
  if (session.value === undefined) return <Waiting />;
  return (
    <div class="shell">
      <a class="skip" href="#content">
        {words.value.nav.skip}
      </a>
      <Top />
      <main id="content" tabIndex={-1}>
        <Page />
      </main>
      {helpOpen.value && <KeyHelp />}
    </div>
  );
}

function Waiting() {
  if (!unreachable.value) return <div class="blank" aria-busy="true" />;
  return (
    <div class="blank">
      <p>{words.value.errors['unreachable']}</p>
      <button type="button" onClick={() => void findSession()}>
        {words.value.retry}
      </button>
    </div>
  );
}

function Top() {
  const w = words.value;
  const first = path.value.split('/')[1] ?? '';
  const tabs = [
    { href: '/', name: w.nav.live, icon: <LiveIcon />, current: first === '' || first === 'stories' },
    { href: '/senders', name: w.nav.senders, icon: <SendersIcon />, current: first === 'senders' },
    { href: '/queue', name: w.nav.queue, icon: <QueueIcon />, current: first === 'queue' },
  ];
  return (
    <header class="top">
      <a class="brand" href="/">
        <Mark />
        <span>{session.value?.site_name || 'Dogana'}</span>
      </a>
      <nav aria-label={w.nav.main}>
        {tabs.map((tab) => (
          <a key={tab.href} href={tab.href} aria-current={tab.current ? 'page' : undefined}>
            {tab.icon}
            <span>{tab.name}</span>
          </a>
        ))}
      </nav>
      <Menu />
    </header>
  );
}

function Page() {
  const [first = '', second = ''] = path.value.split('/').slice(1);
  const name = safelyDecoded(second);
  if (first === 'stories' && name) return <StoryPage key={name} id={name} />;
  if (first === 'senders' && name) return <SenderPage key={name} sender={name} />;
  if (first === 'senders') return <SendersPage />;
  if (first === 'queue') return <QueuePage />;
  return <LivePage />;
}

function safelyDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
