import { MarkdownString, StatusBarAlignment, ThemeColor, window, type Disposable, type StatusBarItem } from "vscode";
import { describe, lookOf, type Status } from "./status";

export const MENU = "byteLsp.menu";

const BACKGROUNDS = {
  none: undefined,
  warning: new ThemeColor("statusBarItem.warningBackground"),
  error: new ThemeColor("statusBarItem.errorBackground"),
};

/** The extension's place in the status bar. */
export class StatusBar implements Disposable {
  private readonly item: StatusBarItem;
  private shown: Status = { state: "starting", message: "", action: "", busy: true };

  constructor() {
    this.item = window.createStatusBarItem("byteLsp.status", StatusBarAlignment.Right, 100);
    this.item.name = "byte-lsp";
    this.item.command = MENU;
    this.show(this.shown);
    this.item.show();
  }

  get status(): Status {
    return this.shown;
  }

  show(status: Status): void {
    this.shown = status;
    const { text, severity } = lookOf(status);
    this.item.text = text;
    this.item.backgroundColor = BACKGROUNDS[severity];
    this.item.tooltip = new MarkdownString().appendText([describe(status), status.action].filter(Boolean).join("\n\n"));
    this.item.accessibilityInformation = { label: describe(status), role: "button" };
  }

  dispose(): void {
    this.item.dispose();
  }
}
