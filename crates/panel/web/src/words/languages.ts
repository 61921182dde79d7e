// The languages there are; apart, because settings and words both need them.

export const LANGUAGES = ['it', 'ru', 'en'] as const;
export type Language = (typeof LANGUAGES)[number];

export const LANGUAGE_NAMES: Record<Language, string> = { it: 'Italiano', ru: 'Русский', en: 'English' };
