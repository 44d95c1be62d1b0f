// The setting `byteLsp.suggest.disabled_languages`: language ids with commas between, in any case.

export function isDisabled(setting: string, language: string): boolean {
  return readLanguages(setting).some((each) => isSame(each, language));
}

/** The setting with a language put in, or taken out if it was in. */
export function toggleLanguage(setting: string, language: string): string {
  const languages = readLanguages(setting);
  const others = languages.filter((each) => !isSame(each, language));
  return (others.length < languages.length ? others : [...languages, language]).join(", ");
}

export function readLanguages(setting: string): string[] {
  return setting
    .split(",")
    .map((each) => each.trim())
    .filter(Boolean);
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
