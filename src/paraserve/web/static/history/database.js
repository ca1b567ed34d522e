/** The database in which this browser keeps recordings: IndexedDB with promises. */

const NAME = "paraserve";
/** Each brings the database from one version to the next; databases of visitors have to go through all that follow. */
const MIGRATIONS = [
  (database) => {
    database.createObjectStore("summaries", { keyPath: "id" }).createIndex("created", "createdMs");
    database.createObjectStore("details"); // by id: the transcript and whatever else a recording has
    database.createObjectStore("sounds"); // by id: Blobs
    database.createObjectStore("chunks"); // by [id, number]: Int16Array of a second while somebody speaks
  },
];

/** Rejects with a DOMException where the browser keeps nothing, as private windows of some. */
export async function openDatabase() {
  const opening = indexedDB.open(NAME, MIGRATIONS.length);
  opening.onupgradeneeded = ({ oldVersion }) => {
    for (const migrate of MIGRATIONS.slice(oldVersion)) migrate(opening.result);
  };
  const database = await answered(opening);
  database.onversionchange = () => database.close(); // a newer page in another tab changes its form
  return database;
}

/** What a request gives. */
export function answered(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * Write in one transaction, wholly or not at all: `write(stores)` gets the object stores by their names. Rejects with a
 * DOMException, QuotaExceededError where there is no room.
 */
export function written(database, names, write) {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(names, "readwrite");
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
    try {
      write(Object.fromEntries(names.map((name) => [name, transaction.objectStore(name)])));
    } catch (error) {
      transaction.abort(); // what was asked before is not written either
      reject(error);
    }
  });
}

/** An object store to read from. */
export function reading(database, name) {
  return database.transaction(name).objectStore(name);
}

/** The keys of a recording's chunks. */
export function chunksOf(id) {
  return IDBKeyRange.bound([id, 0], [id, Infinity]);
}
