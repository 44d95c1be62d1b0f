import { ConfigurationTarget, workspace, type WorkspaceConfiguration } from "vscode";

export const SECTION = "byteLsp";

/** Settings that are the extension's own; the server would take them for misspelled ones. */
const OWN = ["server", "trace"];

export function settings(): WorkspaceConfiguration {
  return workspace.getConfiguration(SECTION);
}

export function configuredCommand(): string[] {
  return settings().get<string[]>("server.command", []);
}

/** All that is set, as the server may see it. */
export function serverSettings(): unknown {
  return forServer(workspace.getConfiguration().get(SECTION));
}

/** The section without what is the extension's own. */
export function forServer(section: unknown): unknown {
  if (typeof section !== "object" || section === null) {
    return section;
  }
  return Object.fromEntries(Object.entries(section).filter(([key]) => !OWN.includes(key)));
}

/** Sets a value where it is in force: in the workspace if that has one of its own, else for the user. */
export async function setValue(key: string, value: unknown): Promise<void> {
  const inspected = settings().inspect(key);
  const target = inspected?.workspaceValue === undefined ? ConfigurationTarget.Global : ConfigurationTarget.Workspace;
  await settings().update(key, value, target);
}
