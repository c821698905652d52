-- The queries that PostgreSQL writes differently, by the same names as in queries.sql.

-- list: entries that match words
-- `search`; a GIN index over the same expression.
SELECT entries.id AS entry, tickets.number AS ticket, entries.at AS at,
  ts_headline('simple', entries.full_text, websearch_to_tsquery('simple', :words)) AS excerpt
FROM entries JOIN tickets ON tickets.id = entries.ticket_id
WHERE to_tsvector('simple', entries.subject || ' ' || entries.full_text || ' ' || entries.names)
  @@ websearch_to_tsquery('simple', :words)
ORDER BY entries.id DESC LIMIT :limit;

-- list: own entries that match words
-- settle, for `find`; a GIN index over the same expression.
SELECT tickets.id, tickets.number, tickets.subject, tickets.state, tickets.mailbox, participants.slot,
  participants.address AS reader, participants.reach, participants.joined_entry,
  (SELECT first.flags FROM entries AS first WHERE first.ticket_id = tickets.id ORDER BY first.id LIMIT 1) AS first_flags,
  (SELECT owned.is_theirs FROM owned WHERE owned.entry_id = (
    SELECT min(first.id) FROM entries AS first WHERE first.ticket_id = tickets.id)) AS first_is_theirs,
  coalesce((SELECT max(said.at) FROM entries AS said WHERE said.ticket_id = tickets.id
    AND said.kind IN ('customer', 'agent')), tickets.created_at) AS changed_at,
  entries.id AS entry_id, entries.kind, entries.author_address, entries.author_name, entries.at,
  entries.subject AS entry_subject, entries.text, entries.full_text, entries.flags, owned.is_theirs
FROM participants JOIN tickets ON tickets.id = participants.ticket_id JOIN entries ON entries.ticket_id = tickets.id
LEFT JOIN owned ON owned.entry_id = entries.id
WHERE participants.kind = 'customer' AND participants.removed_at IS NULL AND participants.address_key IN (
  SELECT :address_key UNION SELECT theirs.address_key FROM people AS me
  JOIN people AS theirs ON theirs.account_id = me.account_id WHERE me.address_key = :address_key)
  AND entries.kind IN ('customer', 'agent')
  AND to_tsvector('simple', entries.subject || ' ' || entries.full_text || ' ' || entries.names)
    @@ websearch_to_tsquery('simple', :words)
ORDER BY entries.id DESC, participants.reach LIMIT :limit;

-- list: own entries among all that match words
-- settle and pages; PostgreSQL finds the better way itself.
SELECT tickets.id, tickets.number, tickets.subject, tickets.state, tickets.mailbox, participants.slot,
  participants.address AS reader, participants.reach, participants.joined_entry,
  (SELECT first.flags FROM entries AS first WHERE first.ticket_id = tickets.id ORDER BY first.id LIMIT 1) AS first_flags,
  (SELECT owned.is_theirs FROM owned WHERE owned.entry_id = (
    SELECT min(first.id) FROM entries AS first WHERE first.ticket_id = tickets.id)) AS first_is_theirs,
  coalesce((SELECT max(said.at) FROM entries AS said WHERE said.ticket_id = tickets.id
    AND said.kind IN ('customer', 'agent')), tickets.created_at) AS changed_at,
  entries.id AS entry_id, entries.kind, entries.author_address, entries.author_name, entries.at,
  entries.subject AS entry_subject, entries.text, entries.full_text, entries.flags, owned.is_theirs
FROM participants JOIN tickets ON tickets.id = participants.ticket_id JOIN entries ON entries.ticket_id = tickets.id
LEFT JOIN owned ON owned.entry_id = entries.id
WHERE participants.kind = 'customer' AND participants.removed_at IS NULL AND participants.address_key IN (
  SELECT :address_key UNION SELECT theirs.address_key FROM people AS me
  JOIN people AS theirs ON theirs.account_id = me.account_id WHERE me.address_key = :address_key)
  AND entries.kind IN ('customer', 'agent')
  AND to_tsvector('simple', entries.subject || ' ' || entries.full_text || ' ' || entries.names)
    @@ websearch_to_tsquery('simple', :words)
ORDER BY entries.id DESC, participants.reach LIMIT :limit;

-- change: check of the full-text index
-- `rebuild`; PostgreSQL keeps its index true by itself.
UPDATE entries SET names = names WHERE false;

-- change: whole full-text index
-- `rebuild`; PostgreSQL keeps its index true by itself.
UPDATE entries SET names = names WHERE false;
