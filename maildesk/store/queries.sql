-- Every query of the desk, once, in the SQL that SQLite (3.40 and later) and PostgreSQL share; the few that must differ
-- stand again in queries.postgres.sql. A line "-- verb: a sentence" names each; the next says who calls it and which
-- index serves it.

-- Accepting

-- add: raw mail
-- inbox.accept; the bytes as they came.
INSERT INTO raws (sha256, size, content) VALUES (:sha256, :size, :content) RETURNING id;

-- add: mail in the ledger
-- inbox.accept; one for each of our mailboxes.
INSERT INTO mails (raw_id, via, peer, sender, recipients, mailbox, received_at, proof, quiet, wish)
VALUES (:raw_id, :via, :peer, :sender, :recipients, :mailbox, :received_at, :proof, :quiet, :wish) RETURNING id;

-- list: mails not settled yet
-- The worker at its start, and whoever asks what stands still; index mails(outcome, id).
SELECT mails.id, mails.received_at, raws.size FROM mails JOIN raws ON raws.id = mails.raw_id
WHERE mails.outcome = 'received' ORDER BY mails.id LIMIT :limit;

-- find: accepted mail with its bytes
-- The worker, to understand it; primary key.
SELECT mails.*, raws.content, raws.sha256, raws.size FROM mails JOIN raws ON raws.id = mails.raw_id WHERE mails.id = :id;

-- find: outcome of a mail
-- The worker, for whoever waits until a mail is settled; primary key.
SELECT outcome FROM mails WHERE id = :id;

-- change: count a failed attempt at a mail
-- The worker, when settling raised; primary key.
UPDATE mails SET attempts = attempts + 1 WHERE id = :id;

-- Facts for a decision

-- list: other mails of the same content
-- settle; index mails(content_key, received_at).
SELECT id, mailbox, outcome, ticket_id, entry_id, cause FROM mails
WHERE content_key = :content_key AND received_at >= :since AND outcome NOT IN ('received', 'duplicate') ORDER BY id;

-- find: ticket by id
-- settle, from a token; primary key.
SELECT * FROM tickets WHERE id = :id;

-- find: ticket by number
-- settle, the commands; unique index on tickets(number).
SELECT * FROM tickets WHERE number = :number;

-- list: people of a ticket
-- settle, the commands; unique index on participants(ticket_id, slot).
SELECT slot, kind, address, name, reach, joined_entry, removed_at FROM participants WHERE ticket_id = :ticket_id ORDER BY slot;

-- find: ticket that holds a message
-- settle, for a Message-ID of somebody else's; index entries(message_id).
SELECT ticket_id FROM entries WHERE message_id = :message_id ORDER BY id DESC LIMIT 1;

-- find: letter by its message id
-- settle, for a Message-ID of ours and for bounces; unique index on outbox(message_id).
SELECT id, kind, notice, ticket_id, slot, recipient, message_id, entry_id, created_at, bounced_at FROM outbox WHERE message_id = :message_id;

-- find: letter by its copy
-- settle, for a bounce to a signed address; index outbox(ticket_id, copy).
SELECT id, kind, notice, ticket_id, slot, recipient, message_id, entry_id, created_at, bounced_at FROM outbox
WHERE ticket_id = :ticket_id AND copy = :copy;

-- list: last letters to somebody on a ticket
-- settle, for References and for the time of the last notice; index outbox(ticket_id, copy).
SELECT id, kind, notice, ticket_id, slot, recipient, message_id, entry_id, created_at, bounced_at FROM outbox
WHERE ticket_id = :ticket_id AND recipient_key = :recipient_key ORDER BY copy DESC LIMIT :limit;

-- list: entries of a ticket, newest first
-- settle; index entries(ticket_id, id).
SELECT id, mail_id, kind, author_address, author_name, at, text, full_text, message_id, flags FROM entries
WHERE ticket_id = :ticket_id ORDER BY id DESC LIMIT :limit;

-- find: beginning of a letter
-- settle, to tell an agent's words from the notice around them; primary key. None once housekeeping dropped the bytes.
SELECT substr(content, 1, :limit) AS content FROM contents WHERE id = :id;

-- list: tickets that somebody opened since
-- settle, for a mail that nothing leads to a ticket; index tickets(requester_key, created_at).
SELECT id, subject, created_at FROM tickets
WHERE requester_key = :requester_key AND created_at > :since AND created_at <= :until
ORDER BY created_at DESC, id DESC LIMIT :limit;

-- find: person by address
-- settle; unique index on people(address_key).
SELECT address, name, language, proved_at FROM people WHERE address_key = :address_key;

-- find: braked letters to somebody since
-- settle, only when such a letter is about to go; index outbox(recipient_key, created_at).
SELECT count(*) AS letters FROM outbox
WHERE recipient_key = :recipient_key AND created_at > :since AND created_at <= :until AND braked = 1;

-- find: automatic letters to an address
-- braking, only when such a letter is about to go; index outbox(budget_key, created_at).
SELECT count(*) AS letters FROM outbox WHERE budget_key = :budget_key AND created_at > :since AND created_at <= :until
AND unproved >= :unproved AND echoed >= :echoed;

-- find: automatic letters to a domain
-- braking, only when such a letter is about to go; index outbox(budget_domain, created_at).
SELECT count(*) AS letters FROM outbox WHERE budget_domain = :budget_domain AND created_at > :since AND created_at <= :until
AND unproved >= :unproved AND echoed >= :echoed;

-- find: unproved letters since
-- braking, only when such a letter is about to go; index outbox(unproved, created_at).
SELECT count(*) AS letters FROM outbox WHERE unproved = 1 AND created_at > :since AND created_at <= :until;

-- find: unproved addresses since
-- braking, only when a letter to one is about to go; index outbox(unproved, created_at), at most the desk's hour of rows.
SELECT count(DISTINCT budget_key) AS letters FROM outbox
WHERE unproved = 1 AND created_at > :since AND created_at <= :until;

-- list: unproved addresses by the hour
-- braking, by the clock, for the median; index outbox(unproved, created_at). "2026-11-22T18" is an hour.
SELECT count(DISTINCT budget_key) AS letters FROM outbox
WHERE unproved = 1 AND created_at > :since AND created_at <= :until GROUP BY substr(created_at, 1, 13);

-- find: bounced confirmations since
-- braking, by the clock; index outbox(unproved, created_at).
SELECT count(*) AS confirmed, count(bounced_at) AS letters FROM outbox
WHERE unproved = 1 AND created_at > :since AND created_at <= :until;

-- add: measure
-- braking, by the clock; primary key.
INSERT INTO counters (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- find: answer to somebody since
-- braking: an agent's answer is the sign of a person; index outbox(recipient_key, created_at).
SELECT id FROM outbox WHERE recipient_key = :recipient_key AND created_at > :since AND created_at <= :until
AND kind = 'answer' LIMIT 1;

-- find: answer to somebody on a ticket
-- braking: who was answered needs no confirmation; index outbox(ticket_id, copy).
SELECT id FROM outbox WHERE ticket_id = :ticket_id AND recipient_key = :recipient_key AND kind = 'answer' LIMIT 1;

-- change: count a letter
-- braking, right after it was written; primary key.
UPDATE outbox SET budget_key = :budget_key, budget_domain = :budget_domain, unproved = :unproved, echoed = :echoed
WHERE id = :id;

-- change: a letter bounced
-- settle; primary key. Its first bounce counts.
UPDATE outbox SET bounced_at = :at WHERE id = :id AND bounced_at IS NULL;

-- find: silence of an address
-- braking, only when an automatic letter is about to go; primary key.
SELECT why FROM silenced WHERE address_key IN (:exact, :folded) AND (until IS NULL OR until > :now) LIMIT 1;

-- add: silence
-- settle, for a bounce and for who asked; primary key. One for good is never made shorter.
INSERT INTO silenced (address_key, until, why, created_at) VALUES (:address_key, :until, :why, :at)
ON CONFLICT (address_key) DO UPDATE SET until = excluded.until, why = excluded.why, created_at = excluded.created_at
WHERE silenced.until IS NOT NULL;

-- add: owed confirmation
-- settle, for one beyond its budget.
INSERT INTO owed (budget_key, address, ticket_id, language, unproved, echoed, reason, created_at)
VALUES (:budget_key, :address, :ticket_id, :language, :unproved, :echoed, :reason, :at) RETURNING id;

-- list: owed confirmations
-- braking, by the clock; primary key.
SELECT * FROM owed ORDER BY id LIMIT :limit;

-- list: owed confirmations that are late
-- braking, by the clock; index owed(created_at).
SELECT * FROM owed WHERE created_at < :before OR created_at > :after LIMIT :limit;

-- find: oldest owed confirmation of unproved
-- standing, for what stands still; primary key.
SELECT created_at FROM owed WHERE unproved = 1 ORDER BY id LIMIT 1;

-- drop: owed confirmation
-- braking, once it left or is needless; primary key.
DELETE FROM owed WHERE id = :id;

-- find: letters of a notice to somebody since
-- settle, for what is said at most once an hour; index outbox(recipient_key, created_at).
SELECT count(*) AS letters FROM outbox
WHERE recipient_key = :recipient_key AND created_at > :since AND notice = :notice;

-- Settling

-- change: checks of a mail
-- settle, in the same transaction, before the decision that rests on them; primary key.
UPDATE mails SET checks = :checks WHERE id = :id AND checks IS NULL;

-- change: settle a mail
-- settle; primary key.
UPDATE mails SET outcome = :outcome, ticket_id = :ticket_id, entry_id = :entry_id, cause = :cause, why = :why,
  message_id = :message_id, content_key = :content_key, settled_at = :settled_at, author = :author, subject = :subject,
  excerpt = :excerpt
WHERE id = :id AND outcome = 'received';

-- change: take the next number of a counter
-- settle, so that numbers have no holes; primary key. Read back with "find: counter" in the same transaction.
UPDATE counters SET value = value + 1 WHERE name = :name;

-- change: raise a counter
-- The daemon at its start and restore; primary key.
UPDATE counters SET value = :value WHERE name = :name AND value < :value;

-- find: counter
-- settle, restore; primary key.
SELECT value FROM counters WHERE name = :name;

-- add: counter
-- The daemon at its first start; primary key.
INSERT INTO counters (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING;

-- add: ticket
-- settle.
INSERT INTO tickets (number, subject, state, priority, mailbox, language, assignee, requester_address, requester_key,
  requester_domain, requester_name, tags, mentions, created_at, updated_at)
VALUES (:number, :subject, :state, :priority, :mailbox, :language, NULL, :requester_address, :requester_key,
  :requester_domain, :requester_name, :tags, :mentions, :at, :at) RETURNING id;

-- add: person of a ticket
-- settle; the next free slot.
INSERT INTO participants (ticket_id, slot, kind, address, address_key, name, joined_at)
SELECT :ticket_id, coalesce(max(slot), 0) + 1, :kind, :address, :address_key, :name, :at
FROM participants WHERE ticket_id = :ticket_id RETURNING slot;

-- find: newest entry of a ticket
-- settle, for what a letter's reader knows; index entries(ticket_id, id).
SELECT coalesce(max(id), 0) AS id FROM entries WHERE ticket_id = :ticket_id;

-- change: somebody joins a ticket again
-- settle, behind "person of a ticket" and for whoever was removed; unique index on participants(ticket_id, kind, address_key).
UPDATE participants SET reach = :reach, joined_entry = :joined_entry, joined_at = :at, removed_at = NULL
WHERE ticket_id = :ticket_id AND kind = 'customer' AND address_key = :address_key;

-- change: somebody sees all of a ticket from now on
-- settle; unique index on participants(ticket_id, kind, address_key).
UPDATE participants SET reach = 'full'
WHERE ticket_id = :ticket_id AND kind = 'customer' AND address_key = :address_key AND removed_at IS NULL;

-- change: somebody leaves a ticket
-- settle; unique index on participants(ticket_id, kind, address_key).
UPDATE participants SET removed_at = :at
WHERE ticket_id = :ticket_id AND kind = 'customer' AND address_key = :address_key AND removed_at IS NULL;

-- find: people added by a requester since
-- settle, for a mail's To and Cc; indexes tickets(requester_key, created_at), participants(ticket_id, slot).
SELECT count(*) AS people FROM tickets JOIN participants ON participants.ticket_id = tickets.id
WHERE tickets.requester_key = :requester_key AND participants.reach = 'limited' AND participants.joined_at >= :since;

-- find: silenced address
-- settle, for each address of a mail's To and Cc; primary key.
SELECT address_key FROM silenced WHERE address_key = :address_key AND (until IS NULL OR until > :now);

-- find: slot of somebody on a ticket
-- settle, before it signs an address; unique index on participants(ticket_id, kind, address_key).
SELECT slot FROM participants WHERE ticket_id = :ticket_id AND kind = :kind AND address_key = :address_key;

-- add: entry
-- settle, the clock.
INSERT INTO entries (ticket_id, mail_id, kind, author_address, author_name, at, via, subject, text, full_text, names,
  message_id, flags, derived)
VALUES (:ticket_id, :mail_id, :kind, :author_address, :author_name, :at, :via, :subject, :text, :full_text, :names,
  :message_id, :flags, :derived) RETURNING id;

-- add: attachment
-- settle; the bytes stay in the raw mail.
INSERT INTO attachments (entry_id, position, name, type, size, sha256, inline, content_id)
VALUES (:entry_id, :position, :name, :type, :size, :sha256, :inline, :content_id);

-- change: state of a ticket
-- settle, the clock; primary key.
UPDATE tickets SET state = :state, solved_at = :solved_at, updated_at = :at WHERE id = :id;

-- change: assignee of a ticket
-- settle; primary key.
UPDATE tickets SET assignee = :assignee, updated_at = :at WHERE id = :id;

-- change: requester of a ticket
-- settle, when an agent says who asked; primary key.
UPDATE tickets SET requester_address = :requester_address, requester_key = :requester_key,
  requester_domain = :requester_domain, requester_name = :requester_name, updated_at = :at WHERE id = :id;

-- change: priority of a ticket
-- settle; primary key.
UPDATE tickets SET priority = :priority, updated_at = :at WHERE id = :id;

-- change: tags of a ticket
-- settle; primary key.
UPDATE tickets SET tags = :tags, updated_at = :at WHERE id = :id;

-- change: mentions of a ticket
-- settle; primary key.
UPDATE tickets SET mentions = :mentions WHERE id = :id;

-- change: time of a ticket's last change
-- settle, for every entry; primary key.
UPDATE tickets SET updated_at = :at WHERE id = :id;

-- add: person
-- settle; unique index on people(address_key). What strangers called somebody ends with the first proof.
INSERT INTO people (address_key, address, name, language, proved_at, seen_at)
VALUES (:address_key, :address, :name, :language, :proved_at, :at)
ON CONFLICT (address_key) DO UPDATE SET
  name = CASE WHEN excluded.name <> '' AND (excluded.proved_at IS NOT NULL OR people.proved_at IS NULL) THEN excluded.name
    WHEN excluded.proved_at IS NOT NULL AND people.proved_at IS NULL THEN '' ELSE people.name END,
  language = coalesce(excluded.language, people.language),
  proved_at = coalesce(excluded.proved_at, people.proved_at),
  seen_at = excluded.seen_at;

-- find: last copy of a ticket
-- settle, to number a letter inside its ticket; index outbox(ticket_id, copy).
SELECT coalesce(max(copy), 0) AS copy FROM outbox WHERE ticket_id = :ticket_id;

-- find: last letter
-- settle: a Message-ID is made from the letter's own id; primary key.
SELECT coalesce(max(id), 0) AS id FROM outbox;

-- add: letter
-- settle; final bytes and a Message-ID made once.
INSERT INTO outbox (id, kind, notice, ticket_id, slot, copy, recipient, recipient_key, envelope_from, message_id,
  braked, state, next_at, mail_id, entry_id, created_at)
VALUES (:id, :kind, :notice, :ticket_id, :slot, :copy, :recipient, :recipient_key, :envelope_from, :message_id,
  :braked, 'waiting', :at, :mail_id, :entry_id, :at) RETURNING id;

-- add: content of a letter
-- settle, beside the letter; never changed.
INSERT INTO contents (id, content) VALUES (:id, :content);

-- add: history
-- settle, the clock, restore.
INSERT INTO history (at, what, mail_id, ticket_id, detail) VALUES (:at, :what, :mail_id, :ticket_id, :detail) RETURNING id;

-- add: grant
-- settle, for a letter whose answer does one thing.
INSERT INTO grants (kind, address, ticket_id, mail_id, created_at)
VALUES (:kind, :address, :ticket_id, :mail_id, :at) RETURNING id;

-- find: grant
-- settle, for a mail to a one-time address; primary key.
SELECT * FROM grants WHERE id = :id;

-- change: use a grant
-- settle; primary key.
UPDATE grants SET used_at = :at WHERE id = :id AND used_at IS NULL;

-- list: held mail
-- settle, for an agent's answer about held mail, and `held`; primary key.
SELECT id, received_at, mailbox, author, subject, cause, excerpt FROM mails WHERE id = :id AND outcome = 'held';

-- list: mail held since
-- jobs, for the daily letter; index mails(outcome, id). Whoever has to say that a request is theirs was asked already.
SELECT id, received_at, mailbox, author, subject, cause, excerpt FROM mails
WHERE outcome = 'held' AND cause <> 'unconfirmed' AND settled_at > :since ORDER BY id LIMIT :limit;

-- change: let a mail in
-- settle and `held release`: it is settled again; primary key.
UPDATE mails SET outcome = 'received', authority = :authority, attempts = 0 WHERE id = :id AND outcome = :was;

-- change: discard a held mail
-- settle and `held discard`; primary key.
UPDATE mails SET outcome = 'ignored', cause = 'discarded: ' || cause, excerpt = NULL WHERE id = :id AND outcome = 'held';

-- list: held mails that came before
-- jobs; index mails(outcome, id). Discarded ones keep their bytes as long.
SELECT mails.id, mails.raw_id FROM mails JOIN raws ON raws.id = mails.raw_id
WHERE (outcome = 'held' OR (outcome = 'ignored' AND cause LIKE 'discarded:%')) AND received_at < :before
  AND raws.dropped_at IS NULL ORDER BY mails.id LIMIT :limit;

-- change: end of a held mail
-- jobs; primary key.
UPDATE mails SET outcome = 'ignored', cause = 'held for 30 days: ' || cause, excerpt = NULL WHERE id = :id AND outcome = 'held';

-- change: bytes of a held mail
-- jobs; primary key. Another mailbox may still hold the same bytes, or have made a ticket of them.
UPDATE raws SET content = :nothing, dropped_at = :at WHERE id = :id AND NOT EXISTS (
  SELECT 1 FROM mails WHERE mails.raw_id = raws.id AND outcome NOT IN ('ignored', 'duplicate'));

-- list: mails of a message id that became entries
-- settle, so that an agent's act is done once; index mails(message_id).
-- The same mail for another of our mailboxes came at the same time with the same content.
SELECT id FROM mails WHERE message_id = :message_id AND outcome IN ('entry', 'ticket')
  AND (content_key <> :content_key OR received_at < :before) ORDER BY id;

-- The clock

-- list: solved tickets older than
-- jobs; index tickets(state, solved_at).
SELECT id, number FROM tickets WHERE state = 'solved' AND solved_at <= :before ORDER BY solved_at LIMIT :limit;

-- drop: bytes of letters that left before
-- jobs, housekeeping; index outbox(state, next_at). The letter's row stays: bounces and References find it for ever.
DELETE FROM contents WHERE id IN (
  SELECT contents.id FROM contents JOIN outbox ON outbox.id = contents.id
  WHERE outbox.state = 'sent' AND outbox.sent_at < :before LIMIT :limit);

-- list: new tickets that nobody was told of
-- jobs, for the daily letter; indexes tickets(state, solved_at), outbox(ticket_id, copy). Nobody believed their senders;
-- where an agent was asked who it is, somebody knows.
SELECT number, subject, mailbox, requester_address, created_at FROM tickets
WHERE state = 'new' AND created_at > :since AND (requester_address IS NULL OR EXISTS (
  SELECT 1 FROM entries WHERE entries.ticket_id = tickets.id AND entries.kind = 'customer'
    AND entries.flags LIKE '%auth-fail%'))
  AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.ticket_id = tickets.id AND outbox.notice IN ('new', 'who-wrote'))
ORDER BY number LIMIT :limit;

-- find: job
-- jobs, to make up a missed tick; primary key.
SELECT last_at FROM jobs WHERE name = :name;

-- add: job
-- jobs, in the transaction of what the job did; primary key.
INSERT INTO jobs (name, last_at) VALUES (:name, :at) ON CONFLICT (name) DO UPDATE SET last_at = excluded.last_at;

-- find: position in a mailbox
-- The IMAP door; primary key.
SELECT uidvalidity, uid FROM positions WHERE account = :account;

-- add: position in a mailbox
-- The IMAP door after a commit; primary key.
INSERT INTO positions (account, uidvalidity, uid) VALUES (:account, :uidvalidity, :uid)
ON CONFLICT (account) DO UPDATE SET uidvalidity = excluded.uidvalidity, uid = excluded.uid;

-- A person's own requests, by mail. Whose a request is stands in each of these in the same words: the customers who take
-- part and were not removed, by the asker's address, and by the other addresses of the same account.

-- find: answers about own requests since
-- settle, for a mail to "+my"; index outbox(recipient_key, created_at).
SELECT count(*) AS letters FROM outbox
WHERE recipient_key = :recipient_key AND created_at > :since AND created_at <= :until AND notice LIKE 'history-%';

-- find: how many own requests
-- settle, for `status`; index participants(address_key, kind).
SELECT count(DISTINCT participants.ticket_id) AS requests FROM participants
WHERE participants.kind = 'customer' AND participants.removed_at IS NULL AND participants.address_key IN (
  SELECT :address_key UNION SELECT theirs.address_key FROM people AS me
  JOIN people AS theirs ON theirs.account_id = me.account_id WHERE me.address_key = :address_key);

-- list: own requests of an address
-- settle, for `status`, and for `send` with its number (0 is any); index participants(address_key, kind). Notes and events
-- change nothing that a customer sees.
SELECT tickets.id, tickets.number, tickets.subject, tickets.state, tickets.mailbox, participants.slot,
  participants.address AS reader, participants.reach, participants.joined_entry,
  (SELECT first.flags FROM entries AS first WHERE first.ticket_id = tickets.id ORDER BY first.id LIMIT 1) AS first_flags,
  (SELECT owned.is_theirs FROM owned WHERE owned.entry_id = (
    SELECT min(first.id) FROM entries AS first WHERE first.ticket_id = tickets.id)) AS first_is_theirs,
  coalesce((SELECT max(said.at) FROM entries AS said WHERE said.ticket_id = tickets.id
    AND said.kind IN ('customer', 'agent')), tickets.created_at) AS changed_at
FROM participants JOIN tickets ON tickets.id = participants.ticket_id
WHERE participants.kind = 'customer' AND participants.removed_at IS NULL AND participants.address_key IN (
  SELECT :address_key UNION SELECT theirs.address_key FROM people AS me
  JOIN people AS theirs ON theirs.account_id = me.account_id WHERE me.address_key = :address_key)
  AND (:number = 0 OR tickets.number = :number)
ORDER BY tickets.number DESC, participants.reach LIMIT :limit;

-- list: entries of an own request
-- settle, for `send`, of a request that "own requests of an address" found; index entries(ticket_id, id).
SELECT entries.id AS entry_id, entries.kind, entries.author_address, entries.author_name, entries.at,
  entries.subject AS entry_subject, entries.text, entries.full_text, entries.flags, owned.is_theirs
FROM entries LEFT JOIN owned ON owned.entry_id = entries.id
WHERE entries.ticket_id = :ticket_id AND entries.kind IN ('customer', 'agent') ORDER BY entries.id DESC LIMIT :limit;

-- list: own entries that match words
-- settle, for `find`; index participants(address_key, kind), then each of those entries is looked up in the full-text index.
-- Not by the rank of the index: it weighs words by everybody's mail. Nor by who wrote: agents' own addresses stand there.
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
CROSS JOIN entries_fts LEFT JOIN owned ON owned.entry_id = entries.id
WHERE participants.kind = 'customer' AND participants.removed_at IS NULL AND participants.address_key IN (
  SELECT :address_key UNION SELECT theirs.address_key FROM people AS me
  JOIN people AS theirs ON theirs.account_id = me.account_id WHERE me.address_key = :address_key)
  AND entries.kind IN ('customer', 'agent') AND entries_fts.rowid = entries.id
  AND entries_fts MATCH '{subject full_text names} : (' || :words || ')'
ORDER BY entries.id DESC, participants.reach LIMIT :limit;

-- list: own entries among all that match words
-- settle and pages, for who has very many requests, so that most of what matches may be theirs; the full-text index in the order
-- of its rows, until there are enough of theirs.
SELECT tickets.id, tickets.number, tickets.subject, tickets.state, tickets.mailbox, participants.slot,
  participants.address AS reader, participants.reach, participants.joined_entry,
  (SELECT first.flags FROM entries AS first WHERE first.ticket_id = tickets.id ORDER BY first.id LIMIT 1) AS first_flags,
  (SELECT owned.is_theirs FROM owned WHERE owned.entry_id = (
    SELECT min(first.id) FROM entries AS first WHERE first.ticket_id = tickets.id)) AS first_is_theirs,
  coalesce((SELECT max(said.at) FROM entries AS said WHERE said.ticket_id = tickets.id
    AND said.kind IN ('customer', 'agent')), tickets.created_at) AS changed_at,
  entries.id AS entry_id, entries.kind, entries.author_address, entries.author_name, entries.at,
  entries.subject AS entry_subject, entries.text, entries.full_text, entries.flags, owned.is_theirs
FROM entries_fts CROSS JOIN entries ON entries.id = entries_fts.rowid
CROSS JOIN participants ON participants.ticket_id = entries.ticket_id CROSS JOIN tickets ON tickets.id = participants.ticket_id
LEFT JOIN owned ON owned.entry_id = entries.id
WHERE participants.kind = 'customer' AND participants.removed_at IS NULL AND participants.address_key IN (
  SELECT :address_key UNION SELECT theirs.address_key FROM people AS me
  JOIN people AS theirs ON theirs.account_id = me.account_id WHERE me.address_key = :address_key)
  AND entries.kind IN ('customer', 'agent') AND entries_fts MATCH '{subject full_text names} : (' || :words || ')'
ORDER BY entries_fts.rowid DESC LIMIT :limit;

-- Rebuilding

-- find: how many entries came from a mail
-- `rebuild`, for its progress; primary key order.
SELECT count(*) AS entries FROM entries WHERE mail_id IS NOT NULL;

-- list: entries that came from a mail
-- `rebuild`; primary key order.
SELECT id FROM entries WHERE mail_id IS NOT NULL AND id > :after ORDER BY id LIMIT :limit;

-- find: entry with its mail
-- `rebuild`, `why`; primary keys.
SELECT entries.*, tickets.number, mails.outcome, raws.content FROM entries
JOIN tickets ON tickets.id = entries.ticket_id JOIN mails ON mails.id = entries.mail_id JOIN raws ON raws.id = mails.raw_id
WHERE entries.id = :id;

-- change: what an entry shows of its mail
-- `rebuild`; primary key. The full-text index follows by its triggers.
UPDATE entries SET subject = :subject, text = :text, full_text = :full_text, names = :names WHERE id = :id;

-- change: check of the full-text index
-- `rebuild` without a daemon: fails where the index is not what the entries say.
INSERT INTO entries_fts (entries_fts, rank) VALUES ('integrity-check', 1);

-- change: whole full-text index
-- `rebuild` without a daemon, where the check failed.
INSERT INTO entries_fts (entries_fts) VALUES ('rebuild');

-- drop: attachments of an entry
-- `rebuild`, before it adds them again; index attachments(entry_id, position).
DELETE FROM attachments WHERE entry_id = :entry_id;

-- Reading, for the commands

-- list: tickets, newest first
-- `tickets`; primary key order. Empty text means "any"; addresses are compared without case.
SELECT * FROM tickets
WHERE (:state = '' OR state = :state) AND (:mailbox = '' OR lower(mailbox) = lower(:mailbox))
  AND (:assignee = '' OR lower(assignee) = lower(:assignee))
ORDER BY number DESC LIMIT :limit;

-- list: entries of a ticket
-- `ticket`; `at` is the time of acceptance; index entries(ticket_id, id).
SELECT * FROM entries WHERE ticket_id = :ticket_id ORDER BY at, id;

-- find: entry
-- `ticket --raw`; primary key.
SELECT * FROM entries WHERE id = :id;

-- list: attachments of an entry
-- `ticket`, settle; index attachments(entry_id, position).
SELECT * FROM attachments WHERE entry_id = :entry_id ORDER BY position;

-- list: mails of the ledger, newest first
-- `mails`; primary key order. Empty text means "any".
SELECT mails.*, raws.sha256, raws.size, tickets.number FROM mails
JOIN raws ON raws.id = mails.raw_id LEFT JOIN tickets ON tickets.id = mails.ticket_id
WHERE (:outcome = '' OR mails.outcome = :outcome) ORDER BY mails.id DESC LIMIT :limit;

-- list: mails of the ledger by id or message id
-- `why`; primary key, index mails(message_id).
SELECT mails.*, raws.sha256, raws.size, tickets.number FROM mails
JOIN raws ON raws.id = mails.raw_id LEFT JOIN tickets ON tickets.id = mails.ticket_id
WHERE mails.id = :id OR mails.message_id = :message_id ORDER BY mails.id;

-- find: letter with its fate
-- `why`, for a Message-ID of ours; unique index on outbox(message_id).
SELECT outbox.*, tickets.number FROM outbox LEFT JOIN tickets ON tickets.id = outbox.ticket_id
WHERE outbox.message_id = :message_id;

-- list: entries that match words
-- `search`; the full-text index.
SELECT entries.id AS entry, tickets.number AS ticket, entries.at AS at,
  snippet(entries_fts, -1, '', '', ' … ', 24) AS excerpt
FROM entries_fts JOIN entries ON entries.id = entries_fts.rowid JOIN tickets ON tickets.id = entries.ticket_id
WHERE entries_fts MATCH :words ORDER BY rank LIMIT :limit;

-- The overview and the queue

-- find: next mailbox with tickets
-- store/figures.py, once for each mailbox; index tickets(mailbox, created_at).
SELECT min(mailbox) AS mailbox FROM tickets WHERE mailbox > :after;

-- find: how many tickets came
-- store/figures.py, for each mailbox and day; index tickets(mailbox, created_at).
SELECT count(*) AS tickets FROM tickets WHERE mailbox = :mailbox AND created_at >= :since AND created_at < :until;

-- find: how many tickets wait
-- store/figures.py, for each mailbox, state and age; index tickets(state, mailbox, created_at, id, assignee).
SELECT count(*) AS tickets FROM tickets
WHERE state = :state AND mailbox = :mailbox AND created_at >= :since AND created_at < :until;

-- list: first replies since
-- store/figures.py, newest first; indexes entries(at, ticket_id, author_address) and entries(ticket_id, at) of answers.
SELECT tickets.mailbox, tickets.created_at, entries.at, entries.author_address
FROM entries JOIN tickets ON tickets.id = entries.ticket_id
WHERE entries.kind = 'agent' AND entries.at >= :since AND entries.at <= :until AND entries.at > tickets.created_at
  AND NOT EXISTS (SELECT 1 FROM entries AS earlier WHERE earlier.ticket_id = entries.ticket_id
    AND earlier.kind = 'agent' AND earlier.at > tickets.created_at
    AND (earlier.at < entries.at OR earlier.at = entries.at AND earlier.id < entries.id))
ORDER BY entries.at DESC LIMIT :limit;

-- list: tickets that wait, oldest first
-- store/figures.py, for each mailbox and state; index tickets(state, mailbox, created_at, id, assignee).
-- assignee: an address in lower case, 'none' for nobody, empty text for all.
SELECT id, created_at FROM tickets
WHERE state = :state AND mailbox = :mailbox AND created_at >= :since AND (created_at > :since OR id > :after)
  AND (:assignee = '' OR lower(coalesce(assignee, 'none')) = :assignee)
ORDER BY created_at, id LIMIT :limit;

-- find: how many tickets wait for somebody
-- store/figures.py, for each mailbox and state; index tickets(state, mailbox, created_at, id, assignee).
SELECT count(*) AS tickets FROM tickets
WHERE state = :state AND mailbox = :mailbox AND (:assignee = '' OR lower(coalesce(assignee, 'none')) = :assignee);

-- Outbox

-- list: letters that are due
-- The relay, before it claims them; index outbox(state, next_at), and outbox(ticket_id, copy) for the order inside a
-- ticket: while one letter of a ticket is on its way, later ones wait. A next_at beyond the longest back-off was written
-- by a clock that stood wrong.
SELECT id, epoch, kind, notice, ticket_id, recipient, envelope_from, message_id, attempts, created_at, mail_id
FROM outbox AS letter
WHERE state IN ('waiting', 'deferred', 'claimed') AND (next_at <= :now OR next_at > :horizon)
  AND NOT EXISTS (SELECT 1 FROM outbox AS earlier WHERE earlier.ticket_id = letter.ticket_id
    AND earlier.id < letter.id AND earlier.state = 'claimed' AND earlier.next_at > :now AND earlier.next_at <= :horizon)
ORDER BY id LIMIT :limit;

-- change: claim a letter
-- The relay, right after "list: letters that are due"; primary key. A claimed letter is due again when its lease ends.
UPDATE outbox SET state = 'claimed', epoch = epoch + 1, attempts = attempts + 1, lease_until = :until, next_at = :until
WHERE id = :id AND epoch = :epoch;

-- find: content of a claimed letter
-- The relay, before MAIL; primary key.
SELECT contents.content FROM outbox JOIN contents ON contents.id = outbox.id
WHERE outbox.id = :id AND outbox.epoch = :epoch AND outbox.state = 'claimed' AND outbox.lease_until > :now;

-- find: claimed letter
-- The relay, before the last dot: whoever lost the lease sends nothing; primary key.
SELECT id FROM outbox WHERE id = :id AND epoch = :epoch AND state = 'claimed' AND lease_until > :now;

-- change: mark a letter as sent
-- The relay; primary key.
UPDATE outbox SET state = 'sent', sent_at = :at, next_at = NULL, lease_until = NULL, error = NULL
WHERE id = :id AND epoch = :epoch AND state = 'claimed';

-- change: defer a letter
-- The relay; primary key.
UPDATE outbox SET state = 'deferred', next_at = :next_at, lease_until = NULL, error = :error
WHERE id = :id AND epoch = :epoch AND state = 'claimed';

-- change: fail a letter
-- The relay; primary key.
UPDATE outbox SET state = 'failed', next_at = NULL, lease_until = NULL, error = :error
WHERE id = :id AND epoch = :epoch AND state = 'claimed';

-- change: give a letter back
-- The relay, for a letter that it claimed and did not try; primary key.
UPDATE outbox SET state = CASE WHEN attempts > 1 THEN 'deferred' ELSE 'waiting' END, attempts = attempts - 1,
  next_at = :now, lease_until = NULL
WHERE id = :id AND epoch = :epoch AND state = 'claimed';

-- change: end all leases
-- The relay at its start on SQLite, where every lease is that of a process that is gone; index outbox(state, next_at).
UPDATE outbox SET state = 'deferred', next_at = :now, lease_until = NULL WHERE state = 'claimed';

-- find: when a letter is due next
-- The relay, to sleep until then; index outbox(state, next_at). A letter behind a claimed one of its ticket is not due.
SELECT min(CASE WHEN next_at > :horizon THEN :now ELSE next_at END) AS next_at FROM outbox AS letter
WHERE state IN ('waiting', 'deferred', 'claimed')
  AND NOT EXISTS (SELECT 1 FROM outbox AS earlier WHERE earlier.ticket_id = letter.ticket_id
    AND earlier.id < letter.id AND earlier.state = 'claimed' AND earlier.next_at > :now AND earlier.next_at <= :horizon);

-- find: oldest letter on its way
-- Whoever asks what stands still; index outbox(state, next_at).
SELECT min(created_at) AS created_at FROM outbox WHERE state IN ('waiting', 'deferred', 'claimed');

-- list: letters not sent
-- `outbox`; index outbox(state, next_at).
SELECT outbox.id, outbox.kind, tickets.number, outbox.recipient, outbox.message_id, outbox.state, outbox.attempts,
  outbox.next_at, outbox.error
FROM outbox LEFT JOIN tickets ON tickets.id = outbox.ticket_id
WHERE outbox.state IN ('waiting', 'deferred', 'claimed', 'failed') ORDER BY outbox.id DESC LIMIT :limit;
