// The observations of a verdict: how each one moved the scale, and where it ended.
import type { SymbolLine } from '../api';
import { decibans, probability } from '../format';
import { words } from '../words';

interface Props {
  symbols: SymbolLine[];
  score: number;
}

export function Weights({ symbols, score }: Props) {
  const w = words.value.story;
  const own = symbols.filter((symbol) => !symbol.of_conduct);
  const conduct = symbols.filter((symbol) => symbol.of_conduct);
  const prior = score - own.reduce((sum, symbol) => sum + symbol.weight_db, 0);
  const largest = Math.max(10, Math.abs(prior), ...symbols.map((symbol) => Math.abs(symbol.weight_db)));
  const lines = [{ name: w.priorName, weight_db: prior, detail: w.prior, isPrior: true }, ...own.map((s) => ({ ...s, isPrior: false }))];
  const line = (line: SymbolLine, isPrior: boolean) => (
    <tr key={line.name} class={isPrior ? 'prior' : undefined}>
      <th scope="row">{line.name}</th>
      <td class="bar-cell" aria-hidden="true">
        <Bar part={line.weight_db / largest} />
      </td>
      <td class="weight">{decibans(line.weight_db)}</td>
      <td class="detail">
        <bdi>{line.detail}</bdi>
      </td>
    </tr>
  );
  return (
    <table class="weights">
      <thead>
        <tr>
          <th scope="col">{w.symbol}</th>
          <th scope="col" class="bar-head">
            <span class="sr">{w.weight}</span>
          </th>
          <th scope="col" class="weight">dB</th>
          <th scope="col">{w.detail}</th>
        </tr>
      </thead>
      <tbody>{lines.map((each) => line(each, each.isPrior))}</tbody>
      <tbody class="sum">
        <tr>
          <th scope="row">{w.sum}</th>
          <td />
          <td class="weight">{decibans(score)}</td>
          <td>{w.probability(probability(score))}</td>
        </tr>
      </tbody>
      {conduct.length > 0 && <tbody>{conduct.map((each) => line(each, false))}</tbody>}
    </table>
  );
}

/** From the middle to the right against the message, to the left for it. */
function Bar({ part }: { part: number }) {
  const width = `${Math.min(50, Math.abs(part) * 50)}%`;
  const place = part < 0 ? { right: '50%', width } : { left: '50%', width };
  return (
    <span class="bar">
      <span class={part < 0 ? 'for' : 'against'} style={place} />
    </span>
  );
}
