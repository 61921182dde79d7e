// The facts that the page of a message shows, read with care: stories of older versions lack some, and roles may not see all.

export interface Phrase {
  text: string;
  share: number;
}

export interface Reading {
  role: string;
  rank: number;
  measured_on: number;
  phrases?: Phrase[];
}

export interface TextFacts {
  characters: number;
  wordless: boolean;
  hidden_octets: number;
  hidden_sample?: string;
  reading?: Reading;
}

type LinkFlag = string | Record<string, Record<string, unknown>>;

export interface LinkFact {
  url: string;
  text?: string;
  flags?: LinkFlag[];
  lists?: { list: string; meaning: string }[];
}

export interface MemberFact {
  name: string;
  mime?: string;
  size_octets?: number;
  signs?: string[];
}

export interface FileFact extends MemberFact {
  members?: MemberFact[];
  files?: number;
}

export interface Content {
  text?: TextFacts;
  links?: { links: LinkFact[]; found: number };
  attachments?: FileFact[];
}

/** What is known of the content; undefined when it is not told. */
export function contentOf(facts: unknown): Content | undefined {
  const known = (facts as { content?: { known?: Content } } | undefined)?.content?.known;
  return known && typeof known === 'object' ? known : undefined;
}

/** A flag's name, and what it says beyond it. */
export function flagParts(flag: LinkFlag): [name: string, more: string] {
  if (typeof flag === 'string') return [flag, ''];
  const [name = '', fields = {}] = Object.entries(flag)[0] ?? [];
  return [name, String(fields.of ?? fields.shown ?? '')];
}
