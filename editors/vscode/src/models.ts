import { window, type QuickPickItem } from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";
import { modelAfter, summarize, type Model } from "./model";
import { setValue } from "./settings";

/** Lets the user pick a model. The server loads it, and downloads it first if need be, with progress. */
export async function chooseModel(client: LanguageClient): Promise<void> {
  const models = await listModels(client);
  const items = models.map((model): QuickPickItem & { name: string } => ({
    name: model.name,
    label: `${model.current ? "$(check) " : ""}${model.name}`,
    description: summarize(model),
    detail: model.description,
  }));
  const picked = await window.showQuickPick(items, {
    title: "byte-lsp: choose a model",
    placeHolder: "A model that is not on this machine is downloaded first",
    matchOnDescription: true,
    matchOnDetail: true,
  });
  if (picked) {
    await setValue("model", picked.name);
  }
}

/** Goes on to the next model of those on this machine. */
export async function switchToNextModel(client: LanguageClient): Promise<void> {
  const next = modelAfter(await listModels(client));
  if (next === undefined) {
    void window.showInformationMessage("byte-lsp: no other model is on this machine. Choose one to download it.");
    return;
  }
  await setValue("model", next.name);
  window.setStatusBarMessage(`byte-lsp: ${next.name}`, 4000);
}

async function listModels(client: LanguageClient): Promise<readonly Model[]> {
  return (await client.sendRequest<{ models: readonly Model[] }>("byteLsp/models", {})).models;
}
