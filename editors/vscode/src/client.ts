import { window, type LogOutputChannel } from "vscode";
import {
  LanguageClient,
  RevealOutputChannelOn,
  type ConfigurationParams,
  type LanguageClientOptions,
  type Middleware,
} from "vscode-languageclient/node";
import type { Server } from "./find";
import type { InlineCompletion } from "./inline";
import { SECTION, forServer, serverSettings } from "./settings";

/** Files, unsaved files, and the cells of notebooks. What is on no disk cannot be judged by .gitignore. */
const DOCUMENTS = ["file", "untitled", "vscode-notebook-cell"].map((scheme) => ({ scheme }));

/** A client of the server, not yet started. */
export function makeClient(server: Server, inline: InlineCompletion, log: LogOutputChannel): LanguageClient {
  const [command, ...args] = server.command;
  const options = server.environment && { env: server.environment };
  const executable = { command, args, ...(options && { options }) };
  const client: LanguageClient = new LanguageClient(SECTION, "byte-lsp", executable, clientOptions(inline, log, () => {
    tellFocus(client);
  }));
  return client;
}

/** Tells the server in which document the user is. */
export function tellFocus(client: LanguageClient): void {
  if (!client.isRunning()) {
    return;
  }
  const document = window.activeTextEditor?.document;
  const isOurs = document && DOCUMENTS.some(({ scheme }) => scheme === document.uri.scheme);
  const params = isOurs ? { textDocument: { uri: client.code2ProtocolConverter.asUri(document.uri) } } : {};
  void client.sendNotification("textDocument/didFocus", params);
}

function clientOptions(inline: InlineCompletion, log: LogOutputChannel, refocus: () => void): LanguageClientOptions {
  return {
    documentSelector: DOCUMENTS,
    initializationOptions: serverSettings(),
    outputChannel: log,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    initializationFailedHandler: () => false,
    middleware: middleware(inline, refocus),
  };
}

/** VS Code opens and closes documents that nobody sees, such as settings.json to write a setting: `refocus` then. */
function middleware(inline: InlineCompletion, refocus: () => void): Middleware {
  return {
    didOpen: async (document, next) => {
      await next(document);
      refocus();
    },
    didClose: async (document, next) => {
      await next(document);
      refocus();
    },
    provideInlineCompletionItems: (document, position, context, token) =>
      inline.provide(document, position, context, token),
    workspace: {
      configuration: async (params: ConfigurationParams, token, next) => {
        const sections = await next(params, token);
        return Array.isArray(sections) ? sections.map(forServer) : sections;
      },
    },
  };
}
