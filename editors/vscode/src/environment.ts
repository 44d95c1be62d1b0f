import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SetUpError, explainFailure } from "./explain";
import { Holds, isHold, listFolder } from "./holds";
import { choosePython, lookAt, pythonCommands, type Python } from "./python";
import { run, type Command } from "./process";

const MARK = "installed.json";

/** Variables that would put other packages before those of the environment. Empty ones count as not set. */
export const OWN_VARIABLES = { PYTHONHOME: "", PYTHONPATH: "" };

export interface Installation {
  /** What pip installs: a wheel's path or a requirement. */
  readonly requirement: string;
  readonly version: string;
  /** The setting `byteLsp.server.python`, or nothing. */
  readonly python: string;
}

export interface Reporting {
  readonly onStep: (text: string) => void;
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

/** The server in the environment that is in use. */
export interface Installed {
  readonly name: string;
  readonly version: string;
  readonly command: Command;
}

/**
 * The extension's own server, in a Python environment of its own.
 *
 * Each installation makes a new environment in `place`, beside the one in use, and becomes the one in use by
 * one replacement of the mark that names it. So one that fails, or is cut short anywhere, leaves the server
 * that works; what is left of it goes with the leftovers.
 */
export class Environment {
  private readonly holds: Holds;

  constructor(
    private readonly place: string,
    pid: number = process.pid,
  ) {
    this.holds = new Holds(place, pid);
  }

  /** The server; undefined where none was installed to the end. */
  async installed(): Promise<Installed | undefined> {
    const mark = await this.readMark();
    if (mark === undefined) {
      return undefined;
    }
    const path = program(join(this.place, mark.name), "byte-lsp");
    return existsSync(path) ? { ...mark, command: [path] } : undefined;
  }

  /** Makes a new environment and puts it to use. Errors: `SetUpError`; the one in use stays so then. */
  async install(installation: Installation, reporting: Reporting): Promise<void> {
    const python = await findPython(installation.python, reporting.signal);
    await this.removeLeftovers();
    const name = `env-${randomBytes(4).toString("hex")}`;
    await mkdir(this.place, { recursive: true });
    await this.holds.take(name);
    try {
      await this.fill(join(this.place, name), python, installation, reporting);
      await this.putToUse(name, installation.version);
    } catch (error) {
      await tryRemove(join(this.place, name));
      throw error;
    } finally {
      await this.holds.drop(name);
    }
  }

  /** While a server runs from an environment it is not removed, whatever other windows do. */
  async hold(name: string): Promise<void> {
    await this.holds.take(name);
  }

  async release(name: string): Promise<void> {
    await this.holds.drop(name);
  }

  /** Removes what nobody uses; returns why something is still there, for the next time. */
  async removeLeftovers(): Promise<string[]> {
    // In this order: what was made after the list was is not in it, and who lets go has put the mark before.
    const files = await listFolder(this.place);
    const held = await this.holds.held();
    const inUse = (await this.readMark())?.name;
    const leftovers = files.filter((file) => file !== MARK && file !== inUse && !held.has(file) && !isHold(file));
    const failures = await Promise.all(leftovers.map((file) => tryRemove(join(this.place, file))));
    return failures.filter((each) => each !== undefined);
  }

  private async fill(folder: string, python: Python, installation: Installation, reporting: Reporting): Promise<void> {
    reporting.onStep("making a Python environment");
    await runStep([...python.command, "-m", "venv", folder], reporting);
    reporting.onStep("installing; llama.cpp is compiled, which takes some minutes");
    await runStep([program(folder, "python"), ...pipInstall(installation.requirement)], reporting);
    await runStep([program(folder, "byte-lsp"), "--version"], reporting);
  }

  private async putToUse(name: string, version: string): Promise<void> {
    const written = join(this.place, name, MARK);
    await writeFile(written, JSON.stringify({ name, version }));
    await rename(written, join(this.place, MARK));
  }

  private async readMark(): Promise<{ name: string; version: string } | undefined> {
    try {
      const mark = JSON.parse(await readFile(join(this.place, MARK), "utf8")) as Record<string, unknown> | null;
      const { name, version } = mark ?? {};
      return typeof name === "string" && typeof version === "string" ? { name, version } : undefined;
    } catch (error) {
      if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") {
        return undefined;
      }
      throw error;
    }
  }
}

async function runStep(command: Command, reporting: Reporting): Promise<void> {
  reporting.onLine(`$ ${command.join(" ")}`);
  const { code, lines } = await run(command, { ...reporting, environment: OWN_VARIABLES });
  checkNotCancelled(reporting.signal);
  if (code !== 0) {
    throw new SetUpError(explainFailure(lines));
  }
}

function checkNotCancelled(signal: AbortSignal): void {
  if (signal.aborted) {
    throw new SetUpError("The set-up was cancelled.");
  }
}

function pipInstall(requirement: string): string[] {
  return ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off", requirement];
}

async function findPython(chosen: string, signal: AbortSignal): Promise<Python> {
  const found = await Promise.all(pythonCommands(chosen).map((command) => lookAt(command, signal)));
  checkNotCancelled(signal);
  return choosePython(found.filter((each) => each !== undefined));
}

/** A program of an environment. */
function program(folder: string, name: string): string {
  return process.platform === "win32" ? join(folder, "Scripts", `${name}.exe`) : join(folder, "bin", name);
}

/** Removes a file or a folder; returns why it is still there, as on Windows while a program runs from it. */
async function tryRemove(path: string): Promise<string | undefined> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
    return undefined;
  } catch (error) {
    return `${path} cannot be removed yet: ${String(error)}`;
  }
}
