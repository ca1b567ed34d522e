/** Server-sent events, read as they come. */

export class EventReader {
  #rest = "";

  /** The events that are complete with this text: [{name, data, id}], with data parsed and id null where it has none. */
  push(text) {
    // The rest of a large event is looked at once, when its end is there.
    const isEnd = text.includes("\n\n") || (text.startsWith("\n") && this.#rest.endsWith("\n"));
    this.#rest += text;
    if (!isEnd) return [];
    const blocks = this.#rest.split("\n\n");
    this.#rest = blocks.pop();
    return blocks.map(eventOf).filter((event) => event !== null);
  }
}

/** Null for a comment. */
function eventOf(block) {
  const fields = Object.fromEntries(block.split("\n").map((line) => [line.split(":", 1)[0], valueOf(line)]));
  return fields.data === undefined ? null : { name: fields.event, data: JSON.parse(fields.data), id: fields.id ?? null };
}

function valueOf(line) {
  return line.slice(line.indexOf(":") + 1).trimStart();
}
