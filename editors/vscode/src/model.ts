/** A model of the server's catalogue. */
export interface Model {
  readonly name: string;
  readonly description: string;
  readonly licence: string;
  readonly bytes: number | null;
  readonly installed: boolean;
  readonly current: boolean;
}

/** The installed model behind the current one, round and round; undefined where there is no other. */
export function modelAfter(models: readonly Model[]): Model | undefined {
  const ready = models.filter((model) => model.installed || model.current);
  const at = ready.findIndex((model) => model.current);
  const next = ready[(at + 1) % ready.length];
  return next?.current ? undefined : next;
}

/** What there is to say of a model in one line. */
export function summarize(model: Model): string {
  const size = model.bytes === null ? "" : `${(model.bytes / 1e6).toFixed(0)} MB`;
  return [size, model.licence, model.installed ? "on this machine" : "to be downloaded"].filter(Boolean).join(", ");
}
