import { join } from "node:path";
import { ProgressLocation, commands, window, type ExtensionContext, type LogOutputChannel } from "vscode";
import type { Environment, Installation } from "./environment";
import { SetUpError, summarizeLine } from "./explain";
import { listFolder } from "./holds";
import { settings } from "./settings";

const INSTALL = "Install";
const USE_ANOTHER = "Use Another";
const NOT_NOW = "Not Now";
const TRY_AGAIN = "Try Again";
const OPEN_LOG = "Open Log";

/** Asks before anything is installed; returns whether to go on. */
export async function mayInstall(isUpdate: boolean): Promise<boolean> {
  const question = isUpdate
    ? "This version of byte-lsp goes with a newer server. Install it in place of the old one?"
    : "byte-lsp needs its server, a Python package. Install it into a folder of this extension? " +
      "That takes some minutes, and the first start downloads a model of 98 MB.";
  const answer = await window.showInformationMessage(question, INSTALL, USE_ANOTHER, NOT_NOW);
  if (answer === USE_ANOTHER) {
    await commands.executeCommand("workbench.action.openSettings", "byteLsp.server.command");
  }
  return answer === INSTALL;
}

/** Installs the server, with progress, until the signal; returns why that failed, if it did. */
export async function installServer(
  context: ExtensionContext,
  environment: Environment,
  log: LogOutputChannel,
  signal: AbortSignal,
): Promise<string | undefined> {
  const installation = await planInstallation(context);
  const options = { location: ProgressLocation.Notification, title: "byte-lsp", cancellable: true };
  return window.withProgress(options, async (progress, token) => {
    const cancelling = new AbortController();
    const cancel = (): void => {
      cancelling.abort();
    };
    token.onCancellationRequested(cancel);
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) {
      cancel();
    }
    const report = (message: string): void => {
      progress.report({ message });
    };
    try {
      await environment.install(installation, {
        onStep: report,
        onLine: (line) => {
          log.info(line);
          const doing = summarizeLine(line);
          if (doing) {
            report(doing);
          }
        },
        signal: cancelling.signal,
      });
      return undefined;
    } catch (error) {
      if (error instanceof SetUpError) {
        return error.message;
      }
      throw error;
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  });
}

/** Shows why a set-up failed; returns whether to try again. */
export async function mayTryAgain(failure: string, log: LogOutputChannel): Promise<boolean> {
  const answer = await window.showErrorMessage(`byte-lsp: ${failure}`, TRY_AGAIN, OPEN_LOG);
  if (answer === OPEN_LOG) {
    log.show();
  }
  return answer === TRY_AGAIN;
}

/** What is to be installed: the wheel that came with the extension, else the package of the same version. */
async function planInstallation(context: ExtensionContext): Promise<Installation> {
  const { version } = context.extension.packageJSON as { version: string };
  const folder = context.asAbsolutePath("server");
  const wheel = (await listFolder(folder)).find((name) => name.endsWith(".whl"));
  const requirement = wheel === undefined ? `byte-lsp==${version}` : join(folder, wheel);
  return { requirement, version, python: settings().get<string>("server.python", "") };
}
