import { ConfigurationTarget, QuickPickItemKind, commands, window, workspace, type QuickPickItem } from "vscode";
import { isDisabled } from "./languages";
import { settings } from "./settings";
import { describe, type Status } from "./status";

interface Entry extends QuickPickItem {
  readonly command?: string;
  readonly arguments?: readonly unknown[];
}

/** The menu behind the status-bar item: what is the matter, then what can be done. */
export async function showMenu(status: Status): Promise<void> {
  const picked = await window.showQuickPick(entries(status), { title: describe(status), placeHolder: status.action });
  if (picked?.command) {
    await commands.executeCommand(picked.command, ...(picked.arguments ?? []));
  }
}

/** Turns on VS Code's own switch, without which no extension's ghost text is shown. */
export async function showInlineSuggestions(): Promise<void> {
  await workspace.getConfiguration("editor").update("inlineSuggest.enabled", true, ConfigurationTarget.Global);
}

function entries(status: Status): Entry[] {
  return [...remedies(status), ...switches(), ...tools()];
}

function remedies(status: Status): Entry[] {
  const found: Entry[] = [];
  if (!workspace.getConfiguration("editor").get<boolean>("inlineSuggest.enabled", true)) {
    found.push({
      label: "$(eye) Show inline suggestions",
      description: "editor.inlineSuggest.enabled is off",
      command: "byteLsp.showInlineSuggestions",
    });
  }
  if (status.state === "setup") {
    found.push({ label: "$(cloud-download) Set up the server", command: "byteLsp.setUp" });
  }
  if (status.state === "error" || status.state === "stopped") {
    found.push({ label: "$(debug-restart) Start again", command: "byteLsp.restartServer" });
  }
  return found;
}

function switches(): Entry[] {
  const isOn = settings().get<boolean>("suggest.enabled", true);
  const found: Entry[] = [
    { label: isOn ? "$(circle-slash) Turn suggestions off" : "$(sparkle) Turn suggestions on", command: "byteLsp.toggle" },
  ];
  const language = window.activeTextEditor?.document.languageId;
  if (isOn && language) {
    const isOff = isDisabled(settings().get<string>("suggest.disabled_languages", ""), language);
    found.push({
      label: isOff ? `$(sparkle) Turn suggestions on for ${language}` : `$(circle-slash) Turn suggestions off for ${language}`,
      command: "byteLsp.toggleLanguage",
    });
  }
  return found;
}

function tools(): Entry[] {
  return [
    { label: "$(chip) Choose a model", description: settings().get<string>("model", ""), command: "byteLsp.chooseModel" },
    { label: "$(diff) Show what plain tokenization would have said", command: "byteLsp.compare" },
    { label: "", kind: QuickPickItemKind.Separator },
    { label: "$(output) Open the log", command: "byteLsp.openLog" },
    { label: "$(debug-restart) Restart the server", command: "byteLsp.restartServer" },
    { label: "$(pulse) Check this machine", command: "byteLsp.doctor" },
    { label: "$(gear) Settings", command: "workbench.action.openSettings", arguments: ["@ext:byte-lsp.byte-lsp"] },
    { label: "$(book) Getting started", command: "byteLsp.openWalkthrough" },
  ];
}
