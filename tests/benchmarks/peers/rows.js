// What the peers read from SQLite: prepared statements, one for each batch of keys.
import Database from "better-sqlite3";

const database = new Database(process.env.PEER_DATABASE, { fileMustExist: true });
database.pragma("journal_mode = wal");

const prepared = new Map();

function statement(sql) {
  if (!prepared.has(sql)) prepared.set(sql, database.prepare(sql));
  return prepared.get(sql);
}

// Rows of one query over all keys, as a list for each key in the keys' order.
function grouped(keys, key, sql) {
  const groups = new Map(keys.map((one) => [one, []]));
  const marks = keys.map(() => "?").join(", ");
  for (const row of statement(sql.replace("(?)", `(${marks})`)).all(...keys)) groups.get(row[key]).push(row);
  return keys.map((one) => groups.get(one));
}

const CHARACTER = "SELECT id, name, description, avatar_url AS avatarUrl FROM characters";
const CONVERSATION = `SELECT id, title, message_count AS messageCount, stream_cursor AS streamCursor,
  created_at AS createdAt, updated_at AS updatedAt FROM conversations`;
const MESSAGE = `SELECT id, conversation_id AS conversationId, role, content, status, created_at AS createdAt
  FROM messages`;

export const character = (id) => statement(`${CHARACTER} WHERE id = ?`).get(id);

export const characters = (first) =>
  statement(`${CHARACTER} ORDER BY active_at DESC, id DESC LIMIT ?`).all(first);

// A statement for each character: one over all of them could not stop at the limit of each.
export const conversations = (requests) =>
  requests.map(({ id, first }) =>
    statement(`${CONVERSATION} WHERE character_id = ? ORDER BY id DESC LIMIT ?`).all(id, first),
  );

export const messages = (ids) =>
  grouped(ids, "conversationId", `${MESSAGE} WHERE conversation_id IN (?) ORDER BY id`);

export const lastMessages = (ids) =>
  grouped(
    ids,
    "conversationId",
    `${MESSAGE} WHERE id IN (SELECT max(id) FROM messages WHERE conversation_id IN (?) GROUP BY conversation_id)`,
  ).map(([last]) => last ?? null);

export const activeReplies = (ids) =>
  grouped(
    ids,
    "conversationId",
    `SELECT message_id AS id, conversation_id AS conversationId FROM runs WHERE conversation_id IN (?)`,
  ).map(([reply]) => reply ?? null);
