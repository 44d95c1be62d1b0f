import { accessSync, constants, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { OWN_VARIABLES, type Environment } from "./environment";
import { run, type Command } from "./process";

/** Where pipx and uv put programs; the PATH that VS Code was started with may not name it. */
const LOCAL_PROGRAMS = join(homedir(), ".local", "bin");

/** How to start the server, and where that was found. */
export interface Server {
  readonly command: Command;
  readonly origin: "setting" | "path" | "own";
  readonly version: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Which environment of the extension's own it is in, if it is. */
  readonly name?: string;
}

/** The server of an origin does not start; `message` says what to do. */
export class ServerError extends Error {}

/**
 * The server: the command in the settings, else `byte-lsp` on PATH, else the extension's own.
 *
 * Undefined where there is none. Errors: `ServerError` where the command of the settings does not work.
 */
export async function findServer(
  configured: readonly string[],
  own: Environment,
  log: (line: string) => void,
): Promise<Server | undefined> {
  const [program, ...rest] = configured;
  if (program) {
    const command: Command = [expandHome(program), ...rest];
    const answer = await askVersion(command);
    if (typeof answer === "string") {
      throw new ServerError(`byteLsp.server.command does not start byte-lsp: ${answer}`);
    }
    return { command, origin: "setting", version: answer.version };
  }
  for (const path of onPath("byte-lsp", process.env, [LOCAL_PROGRAMS])) {
    const answer = await askVersion([path]);
    if (typeof answer !== "string") {
      return { command: [path], origin: "path", version: answer.version };
    }
    log(`${path} is left out: ${answer}`);
  }
  const installed = await own.installed();
  return installed && { ...installed, origin: "own", environment: OWN_VARIABLES };
}

/** Files of that name in the folders of PATH, and then of `more`, that can be run. */
export function onPath(
  name: string,
  environment: NodeJS.ProcessEnv = process.env,
  more: readonly string[] = [],
): string[] {
  const isWindows = process.platform === "win32";
  const folders = (environment.PATH ?? environment.Path ?? "").split(delimiter).filter(Boolean);
  return [...new Set([...folders, ...more])].map((folder) => join(folder, isWindows ? `${name}.exe` : name)).filter(isProgram);
}

export function expandHome(path: string): string {
  return path.startsWith("~/") ? join(homedir(), path.slice(2)) : path;
}

async function askVersion(command: Command): Promise<{ version: string } | string> {
  const { code, lines } = await run([...command, "--version"], { timeoutMs: 60_000 });
  const version = /^byte-lsp (\S+)/.exec(lines.at(-1) ?? "")?.[1];
  return code === 0 && version ? { version } : lines.slice(-3).join(" | ") || "it printed nothing";
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
