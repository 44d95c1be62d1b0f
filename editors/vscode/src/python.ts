import { SetUpError } from "./explain";
import { run, type Command } from "./process";

export const OLDEST_PYTHON = [3, 11] as const;

const LOOK = [
  "import sys, importlib.util as u",
  "print('%d.%d' % sys.version_info[:2], bool(u.find_spec('venv') and u.find_spec('ensurepip')), sys.executable)",
].join("; ");

/** A Python that answered. `canMakeEnvironments` is false where a distribution packs venv separately. */
export interface Python {
  readonly command: Command;
  readonly version: readonly [number, number];
  readonly canMakeEnvironments: boolean;
  readonly executable: string;
}

/** What could be called Python here, the most probable first; `chosen` alone where the user chose one. */
export function pythonCommands(chosen: string, platform: NodeJS.Platform = process.platform): Command[] {
  if (chosen) {
    return [[chosen]];
  }
  const names: Command[] = [["python3"], ["python3.13"], ["python3.12"], ["python3.11"], ["python"]];
  return platform === "win32" ? [["py", "-3"], ["python"]] : names;
}

/** Asks a Python what it is; undefined where there is none of that name. */
export async function lookAt(command: Command, signal?: AbortSignal): Promise<Python | undefined> {
  const { code, lines } = await run([...command, "-c", LOOK], { timeoutMs: 20_000, ...(signal && { signal }) });
  return code === 0 ? readLook(command, lines.at(-1) ?? "") : undefined;
}

export function readLook(command: Command, line: string): Python | undefined {
  const match = /^(\d+)\.(\d+) (True|False) (.*)$/.exec(line);
  if (!match) {
    return undefined;
  }
  const [, major, minor, makes, executable] = match;
  return {
    command,
    version: [Number(major), Number(minor)],
    canMakeEnvironments: makes === "True",
    executable: executable ?? "",
  };
}

export function isNewEnough(python: Python): boolean {
  const [major, minor] = python.version;
  return major > OLDEST_PYTHON[0] || (major === OLDEST_PYTHON[0] && minor >= OLDEST_PYTHON[1]);
}

/** The first that will do. Errors: `SetUpError` where there is none. */
export function choosePython(found: readonly Python[], platform: NodeJS.Platform = process.platform): Python {
  const recent = found.filter(isNewEnough);
  const usable = recent.find((python) => python.canMakeEnvironments);
  if (usable) {
    return usable;
  }
  throw new SetUpError(recent[0] ? adviseOnVenv(recent[0], platform) : adviseOnVersion(found));
}

function adviseOnVenv(python: Python, platform: NodeJS.Platform): string {
  const version = python.version.join(".");
  const what =
    platform === "linux"
      ? `install the package python${version}-venv or python3-venv.`
      : "its modules venv and ensurepip are missing.";
  return `Python ${version} cannot make environments here: ${what}`;
}

function adviseOnVersion(found: readonly Python[]): string {
  const seen = [...new Set(found.map((python) => python.version.join(".")))].join(", ");
  const but = seen && ` Found: ${seen}.`;
  return `Python ${OLDEST_PYTHON.join(".")} or newer is needed.${but} Install it, or name one in the setting byteLsp.server.python.`;
}
