// The list of keys.
import { helpOpen } from '../keys';
import { words } from '../words';
import { Dialog } from './dialog';

export function KeyHelp() {
  const w = words.value.keys;
  const keys: [string[], string][] = [
    [['j'], w.next],
    [['k'], w.previous],
    [['↵'], w.open],
    [['u'], w.back],
    [['/'], w.filter],
    [['p'], w.pause],
    [['g', 'l'], w.live],
    [['g', 's'], w.senders],
    [['g', 'q'], w.queue],
    [['?'], w.help],
  ];
  return (
    <Dialog title={w.title} onClose={() => (helpOpen.value = false)}>
      <dl class="keys">
        {keys.map(([names, meaning]) => (
          <div key={meaning + names.join('')}>
            <dt>
              {names.map((name) => (
                <kbd key={name}>{name}</kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
