/** Something that went wrong while the server was set up, in words for the user. */
export class SetUpError extends Error {}

const LINES_SHOWN = 4;

const CAUSES: readonly (readonly [RegExp, string])[] = [
  [
    /CMAKE_CXX_COMPILER|CMAKE_C_COMPILER|no such file or directory: '(cc|gcc|c\+\+|g\+\+)'|Visual C\+\+|nmake/i,
    "There is no C++ compiler, which is needed to build llama.cpp. Install one (Debian: build-essential; " +
      "macOS: xcode-select --install; Windows: Visual Studio's Build Tools) and try again.",
  ],
  [/No space left on device|not enough space/i, "The disk is full."],
  [
    /name resolution|Failed to establish a new connection|ConnectTimeout|Network is unreachable|ProxyError/i,
    "The Python package index cannot be reached. Check the network and pip's proxy settings, and try again.",
  ],
  [
    /No matching distribution found|Could not find a version/i,
    "The Python package index has no such version of byte-lsp or of something that it needs.",
  ],
  [/Permission denied|PermissionError|Access is denied/i, "A file could not be written: permission denied."],
];

/** Why a step of the set-up failed, in words, with the last lines that it printed. */
export function explainFailure(lines: readonly string[]): string {
  const told = lines.filter((line) => line.trim() !== "");
  const cause = CAUSES.find(([pattern]) => told.some((line) => pattern.test(line)))?.[1];
  const last = told.slice(-LINES_SHOWN).join(" | ");
  return [cause ?? "The set-up failed.", last && `Last lines: ${last}`].filter(Boolean).join(" ");
}

const DOINGS: readonly (readonly [RegExp, string])[] = [
  [/^Collecting ([\w.-]+)/, "fetching"],
  [/^ *Building wheel for ([\w.-]+)/, "building"],
  [/^Installing collected (packages)/, "installing"],
];

/** What pip is doing, in two words, as far as a line that it printed says so. */
export function summarizeLine(line: string): string | undefined {
  for (const [pattern, doing] of DOINGS) {
    const what = pattern.exec(line)?.[1];
    if (what) {
      return `${doing} ${what}`;
    }
  }
  return undefined;
}
