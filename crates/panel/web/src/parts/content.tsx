// What is in a message: how its text compares, where its links lead, what its files are.
import { contentOf, flagParts, type FileFact, type LinkFact, type MemberFact, type TextFacts } from '../facts';
import { number, size } from '../format';
import { term, words } from '../words';

/** Links and files that are shown; the facts have all. */
const SHOWN_MAX = 12;

export function Content({ facts }: { facts: unknown }) {
  const w = words.value.content;
  const content = contentOf(facts);
  if (!content) return null;
  const links = content.links?.links ?? [];
  const files = content.attachments ?? [];
  if (!content.text && links.length === 0 && files.length === 0) return null;
  return (
    <section class="content" aria-labelledby="content">
      <h2 id="content">{w.title}</h2>
      {content.text && <Text text={content.text} />}
      {links.length > 0 && <Links links={links} found={content.links?.found ?? links.length} />}
      {files.length > 0 && <Files files={files} />}
    </section>
  );
}

/** A rare share as one in so many, which people see better than a small percentage. */
function oneIn(rank: number): string {
  return number(Math.max(1, Math.round(1 / Math.max(rank, 1e-9))));
}

function Text({ text }: { text: TextFacts }) {
  const w = words.value.content;
  const reading = text.reading;
  const phrases = reading?.phrases ?? [];
  return (
    <>
      <h3>{w.text}</h3>
      <p>
        {text.wordless ? w.wordless : reading ? rankSentence(reading.rank, term(w.roles, reading.role)) : w.noReading}
        {reading && <span class="took"> {w.measuredOn(reading.measured_on, number(reading.measured_on))}</span>}
      </p>
      {phrases.length > 0 && (
        <>
          <p class="hint">{w.phrases}</p>
          <ul class="phrases">
            {phrases.map((phrase) => (
              <li key={phrase.text}>
                <q>
                  <bdi>{phrase.text}</bdi>
                </q>
                <span class="took">{number(phrase.share * 100)} %</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {text.hidden_sample && (
        <p class="hidden-text">
          {w.hidden(size(text.hidden_octets))} <q><bdi>{text.hidden_sample}</bdi></q>
        </p>
      )}
    </>
  );
}

function rankSentence(rank: number, role: string): string {
  const w = words.value.content;
  return rank > 0.2 ? w.usual(role) : w.rank(oneIn(rank), role);
}

function Links({ links, found }: { links: LinkFact[]; found: number }) {
  const w = words.value.content;
  const odd = (link: LinkFact) => (link.flags?.length ?? 0) + (link.lists?.length ?? 0) * 2;
  const shown = [...links].sort((a, b) => odd(b) - odd(a)).slice(0, SHOWN_MAX);
  return (
    <>
      <h3>
        {w.links} <span class="took">{number(found)}</span>
      </h3>
      <ul class="things">
        {shown.map((link) => (
          <li key={link.url}>
            {/* Never a link: this page must not lead where the message wanted to. */}
            <code>{link.url}</code>
            <Marks flags={[
              ...(link.flags ?? []).map((flag) => {
                const [name, more] = flagParts(flag);
                return term(w.flags, name) + (more && ` ${more}`);
              }),
              ...(link.lists ?? []).map((hit) => `${hit.list}: ${hit.meaning}`),
            ]} />
          </li>
        ))}
      </ul>
      <More count={links.length - shown.length} />
    </>
  );
}

function Files({ files }: { files: FileFact[] }) {
  const w = words.value.content;
  const shown = files.slice(0, SHOWN_MAX);
  return (
    <>
      <h3>{w.files}</h3>
      <ul class="things">
        {shown.map((file, index) => (
          <li key={index}>
            <File file={file} />
            {file.members && file.members.length > 0 && (
              <ul>
                {file.members.slice(0, SHOWN_MAX).map((member, place) => (
                  <li key={place}>
                    <File file={member} />
                  </li>
                ))}
              </ul>
            )}
            <More count={(file.files ?? 0) - Math.min(file.members?.length ?? 0, SHOWN_MAX)} />
          </li>
        ))}
      </ul>
      <More count={files.length - shown.length} />
    </>
  );
}

function File({ file }: { file: MemberFact }) {
  const w = words.value.content;
  return (
    <>
      <bdi>{file.name || w.unnamed}</bdi>{' '}
      <span class="took">
        {file.mime}
        {file.size_octets !== undefined && ` · ${size(file.size_octets)}`}
      </span>
      <Marks flags={(file.signs ?? []).map((sign) => term(w.signs, sign))} />
    </>
  );
}

function Marks({ flags }: { flags: string[] }) {
  return (
    <>
      {flags.map((flag) => (
        <span key={flag} class="mark">
          <bdi>{flag}</bdi>
        </span>
      ))}
    </>
  );
}

function More({ count }: { count: number }) {
  return count > 0 ? <p class="hint">{words.value.content.more(count)}</p> : null;
}
