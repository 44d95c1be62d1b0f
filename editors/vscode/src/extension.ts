import { join } from "node:path";
import {
  ProcessExecution,
  Task,
  TaskScope,
  commands,
  tasks,
  window,
  workspace,
  type ExtensionContext,
} from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";
import { tellFocus } from "./client";
import { Comparison } from "./compare";
import { Environment } from "./environment";
import { ServerHost } from "./host";
import { toggleLanguage } from "./languages";
import { showInlineSuggestions, showMenu } from "./menu";
import { chooseModel, switchToNextModel } from "./models";
import { SECTION, setValue, settings } from "./settings";
import { StatusBar } from "./statusBar";

const SAMPLE = "class Stack:\n    def __init__(self):\n        self.items = []\n\n    def push(self, item):\n        self.ite";

let host: ServerHost | undefined;

export async function activate(context: ExtensionContext): Promise<void> {
  const log = window.createOutputChannel("byte-lsp", { log: true });
  const bar = new StatusBar();
  const comparison = new Comparison();
  const environment = new Environment(join(context.globalStorageUri.fsPath, "server"));
  const own = new ServerHost(context, environment, log, (status) => {
    bar.show(status);
  });
  host = own;

  const withClient = (work: (client: LanguageClient) => Promise<void>) => async () => {
    if (own.client) {
      await work(own.client);
    } else {
      void window.showInformationMessage("byte-lsp: the server does not run yet.");
    }
  };
  const handlers: Record<string, () => unknown> = {
    menu: () => showMenu(bar.status),
    setUp: () => own.setUp(),
    toggle: () => setValue("suggest.enabled", !settings().get<boolean>("suggest.enabled", true)),
    toggleLanguage: toggleThisLanguage,
    chooseModel: withClient(chooseModel),
    nextModel: withClient(switchToNextModel),
    compare: withClient((client) => comparison.show(client)),
    restartServer: () => own.restart(),
    openLog: () => {
      log.show();
    },
    doctor: () => runDoctor(own),
    showInlineSuggestions,
    openSample: async () => window.showTextDocument(await workspace.openTextDocument({ language: "python", content: SAMPLE })),
    openWalkthrough: () =>
      commands.executeCommand("workbench.action.openWalkthrough", `${context.extension.id}#start`, false),
    _status: () => own.client?.sendRequest("byteLsp/status", {}),
  };
  context.subscriptions.push(
    log,
    bar,
    comparison,
    own,
    ...Object.entries(handlers).map(([name, handler]) => commands.registerCommand(`${SECTION}.${name}`, handler)),
    window.onDidChangeActiveTextEditor(() => {
      if (own.client) {
        tellFocus(own.client);
      }
    }),
    workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration(`${SECTION}.server`)) {
        void own.restart();
      }
    }),
    workspace.onDidGrantWorkspaceTrust(() => {
      void own.restart();
    }),
  );
  await own.start();
}

export async function deactivate(): Promise<void> {
  await host?.close();
}

async function toggleThisLanguage(): Promise<void> {
  const language = window.activeTextEditor?.document.languageId;
  if (language === undefined) {
    return;
  }
  const key = "suggest.disabled_languages";
  await setValue(key, toggleLanguage(settings().get<string>(key, ""), language));
}

/** Runs `byte-lsp doctor` where the user can read it and copy from it. */
async function runDoctor(own: ServerHost): Promise<void> {
  if (!own.server) {
    void window.showInformationMessage("byte-lsp: set up the server first; then it can check this machine.");
    return;
  }
  const [program, ...args] = own.server.command;
  const execution = new ProcessExecution(program, [...args, "doctor"], { env: { ...own.server.environment } });
  await tasks.executeTask(new Task({ type: "byte-lsp" }, TaskScope.Global, "doctor", "byte-lsp", execution));
}
