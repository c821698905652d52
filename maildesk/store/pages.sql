-- What only the help centre's pages ask and write; the same rules as in queries.sql.

-- Who is there

-- find: session by its secret
-- web/accounts, at every page with a session's cookie; unique index on sessions(token_hash).
SELECT sessions.*, accounts.name, accounts.language FROM sessions JOIN accounts ON accounts.id = sessions.account_id
WHERE sessions.token_hash = :token_hash AND sessions.ended_at IS NULL AND sessions.expires_at > :now;

-- list: addresses of an account
-- web/accounts, at every page with a session; index people(account_id).
SELECT address, address_key, proved_at FROM people WHERE account_id = :account_id ORDER BY id;

-- list: sessions of an account
-- The account's page; index sessions(account_id).
SELECT id, address, device, created_at, seen_at FROM sessions
WHERE account_id = :account_id AND ended_at IS NULL AND expires_at > :now ORDER BY seen_at DESC, id DESC LIMIT 100;

-- add: session
-- web/accounts, when a link or a code is used.
INSERT INTO sessions (token_hash, account_id, address, device, created_at, fresh_at, seen_at, expires_at)
VALUES (:token_hash, :account_id, :address, :device, :at, :at, :at, :expires_at) RETURNING id;

-- change: a session was seen
-- web/accounts, at most once an hour; primary key.
UPDATE sessions SET seen_at = :at, expires_at = :expires_at WHERE id = :id;

-- change: end a session
-- The account's page and signing out; primary key.
UPDATE sessions SET ended_at = :at WHERE id = :id AND account_id = :account_id AND ended_at IS NULL;

-- change: end the sessions of an account
-- "Sign out everywhere", and whoever deletes their account; index sessions(account_id).
UPDATE sessions SET ended_at = :at WHERE account_id = :account_id AND ended_at IS NULL AND id <> :but;

-- change: end the sessions by an address
-- An address leaves an account; index sessions(account_id).
UPDATE sessions SET ended_at = :at WHERE account_id = :account_id AND address = :address AND ended_at IS NULL;

-- add: sign-in
-- web/accounts, whenever somebody asks for a link, sent or not.
INSERT INTO sign_ins (kind, address, address_key, account_id, name, language, next, visitor_hash, link_hash, code_hash,
  is_sent, created_at)
VALUES (:kind, :address, :address_key, :account_id, :name, :language, :next, :visitor_hash, :link_hash, :code_hash,
  :is_sent, :at) RETURNING id;

-- find: mails to sign in to an address since
-- web/accounts, before one is sent; index sign_ins(address_key, created_at).
SELECT count(*) AS letters FROM sign_ins WHERE address_key = :address_key AND created_at > :since AND is_sent = 1;

-- find: mails to sign in since
-- web/accounts, before one is sent; index sign_ins(created_at).
SELECT count(*) AS letters FROM sign_ins WHERE created_at > :since AND is_sent = 1;

-- find: sign-in by its link
-- web/accounts; unique index on sign_ins(link_hash).
SELECT * FROM sign_ins WHERE link_hash = :link_hash AND used_at IS NULL AND created_at > :since AND is_sent = 1;

-- find: sign-in of a browser
-- web/accounts, for the code that somebody types; index sign_ins(visitor_hash, created_at).
SELECT * FROM sign_ins WHERE visitor_hash = :visitor_hash AND used_at IS NULL AND created_at > :since
ORDER BY created_at DESC, id DESC LIMIT 1;

-- find: wrong codes of an address since
-- web/accounts, before a code is compared; index sign_ins(address_key, created_at).
SELECT coalesce(sum(tries), 0) AS tries FROM sign_ins WHERE address_key = :address_key AND created_at > :since;

-- change: count a wrong code
-- web/accounts; primary key.
UPDATE sign_ins SET tries = tries + 1 WHERE id = :id;

-- change: use a sign-in
-- web/accounts; primary key. A link is worth something once.
UPDATE sign_ins SET used_at = :at WHERE id = :id AND used_at IS NULL;

-- change: end older sign-ins of a browser
-- web/accounts: a newer link makes those before it worth nothing; index sign_ins(visitor_hash, created_at).
UPDATE sign_ins SET used_at = :at
WHERE visitor_hash = :visitor_hash AND address_key = :address_key AND used_at IS NULL;

-- drop: sign-ins before
-- The hourly job; index sign_ins(created_at).
DELETE FROM sign_ins WHERE id IN (SELECT id FROM sign_ins WHERE created_at < :before ORDER BY created_at LIMIT :limit);

-- drop: sessions that ended before
-- The hourly job.
DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < :before OR ended_at < :before LIMIT :limit);

-- find: person with their account
-- web/accounts; unique index on people(address_key).
SELECT id, address, name, language, account_id, proved_at FROM people WHERE address_key = :address_key;

-- add: account
-- web/accounts, when somebody signs in for the first time.
INSERT INTO accounts (name, language, created_at) VALUES (:name, :language, :at) RETURNING id;

-- change: account of an address
-- web/accounts; unique index on people(address_key).
UPDATE people SET account_id = :account_id, proved_at = :at WHERE address_key = :address_key;

-- change: an address leaves its account
-- The account's page; unique index on people(address_key).
UPDATE people SET account_id = NULL WHERE address_key = :address_key AND account_id = :account_id;

-- change: name and language of an account
-- The account's page; primary key.
UPDATE accounts SET name = :name, language = :language WHERE id = :id;


-- The form and what it sent

-- find: request by its submission
-- The form: the button was pressed twice; unique index on web_requests(submission_hash).
SELECT id FROM web_requests WHERE submission_hash = :submission_hash;

-- add: request from the form
-- The form, in the transaction that accepts its mail.
INSERT INTO web_requests (submission_hash, visitor_hash, mail_id, address, proved, language, created_at)
VALUES (:submission_hash, :visitor_hash, :mail_id, :address, :proved, :language, :at) RETURNING id;

-- list: receipts of a browser
-- Every page of a browser that has sent a request; index web_requests(visitor_hash, created_at). is_settled: as below.
SELECT web_requests.*, mails.outcome, mails.cause, mails.ticket_id, tickets.number, tickets.requester_key, EXISTS (
    SELECT 1 FROM outbox WHERE outbox.ticket_id = mails.ticket_id AND outbox.kind = 'confirmation'
      AND outbox.recipient = web_requests.address AND (outbox.bounced_at IS NOT NULL OR outbox.state = 'failed')
  ) AS is_bounced, EXISTS (
    SELECT 1 FROM entries LEFT JOIN owned ON owned.entry_id = entries.id WHERE entries.ticket_id = mails.ticket_id
      AND entries.kind IN ('customer', 'agent') AND (owned.entry_id IS NOT NULL OR coalesce(entries.mail_id, 0) <> mails.id)
  ) AS is_settled
FROM web_requests JOIN mails ON mails.id = web_requests.mail_id LEFT JOIN tickets ON tickets.id = mails.ticket_id
WHERE web_requests.visitor_hash = :visitor_hash AND web_requests.created_at > :since AND web_requests.closed_at IS NULL
ORDER BY web_requests.id DESC LIMIT 3;

-- find: request from the form
-- Correcting its address; primary key. is_settled: somebody else's words are on it by now, or a person has said whose it is.
SELECT web_requests.*, mails.ticket_id, mails.outcome, EXISTS (
    SELECT 1 FROM entries LEFT JOIN owned ON owned.entry_id = entries.id WHERE entries.ticket_id = mails.ticket_id
      AND entries.kind IN ('customer', 'agent') AND (owned.entry_id IS NOT NULL OR coalesce(entries.mail_id, 0) <> mails.id)
  ) AS is_settled
FROM web_requests JOIN mails ON mails.id = web_requests.mail_id
WHERE web_requests.id = :id AND web_requests.visitor_hash = :visitor_hash;

-- change: close a receipt
-- The button of a receipt; primary key.
UPDATE web_requests SET closed_at = :at WHERE id = :id AND visitor_hash = :visitor_hash;

-- change: correct the address of a request
-- The receipt's form, once; primary key.
UPDATE web_requests SET address = :address, corrected_at = :at
WHERE id = :id AND corrected_at IS NULL AND visitor_hash = :visitor_hash;

-- list: entries that a browser sent
-- Signing in: what came from this very browser in that name needs no "was it you?"; index web_requests(visitor_hash, created_at).
SELECT mails.entry_id FROM web_requests JOIN mails ON mails.id = web_requests.mail_id
WHERE web_requests.visitor_hash = :visitor_hash AND lower(web_requests.address) = lower(:address)
  AND mails.entry_id IS NOT NULL;

-- add: upload that is kept
-- The form, when something else in it was wrong.
INSERT INTO uploads (token_hash, visitor_hash, name, type, size, file, created_at)
VALUES (:token_hash, :visitor_hash, :name, :type, :size, :file, :at) RETURNING id;

-- find: upload that is kept
-- The form; unique index on uploads(token_hash).
SELECT * FROM uploads WHERE token_hash = :token_hash AND visitor_hash = :visitor_hash;

-- find: room that kept uploads take
-- The form, before it keeps more.
SELECT coalesce(sum(size), 0) AS octets FROM uploads;

-- list: uploads of a browser
-- The form, where there is no more room.
SELECT id, name, type, size, file FROM uploads WHERE visitor_hash = :visitor_hash;

-- list: uploads of whoever keeps most
-- The form, where there is no more room, after what the browser left itself.
SELECT id, name, type, size, file FROM uploads WHERE visitor_hash = (
  SELECT visitor_hash FROM uploads WHERE visitor_hash <> :visitor_hash
  GROUP BY visitor_hash ORDER BY sum(size) DESC, min(id) LIMIT 1);

-- list: uploads kept before
-- The hourly job; index uploads(created_at).
SELECT id, file FROM uploads WHERE created_at < :before ORDER BY created_at LIMIT :limit;

-- list: names of uploads that are kept
-- The hourly job, which removes files that no row names.
SELECT file FROM uploads;

-- drop: upload
-- The form, once it was sent, and the hourly job; primary key.
DELETE FROM uploads WHERE id = :id;

-- add: word on an entry
-- Signing in, and the answer to "was it you?"; primary key. What was said stays said.
INSERT INTO owned (entry_id, account_id, is_theirs, at) VALUES (:entry_id, :account_id, :is_theirs, :at)
ON CONFLICT (entry_id) DO NOTHING;

-- change: letters to somebody that wait are not sent
-- correcting, for a wrong address; index outbox(ticket_id, copy). What the relay has claimed is on its way.
UPDATE outbox SET state = 'failed', next_at = NULL, error = 'the address was corrected'
WHERE ticket_id = :ticket_id AND recipient_key = :recipient_key AND state IN ('waiting', 'deferred');

-- drop: requests from the form before
-- The hourly job; index web_requests(created_at). Their tickets stay.
DELETE FROM web_requests WHERE id IN (SELECT id FROM web_requests WHERE created_at < :before ORDER BY created_at LIMIT :limit);

-- find: number that a mail became
-- The page that lets a request in; primary key.
SELECT tickets.number FROM mails LEFT JOIN tickets ON tickets.id = mails.ticket_id WHERE mails.id = :id;

-- list: own requests on a page
-- "My activities"; indexes people(account_id) and participants(address_key, kind). Whose a request is stands in the same words
-- as in queries.sql; somebody who takes part by two addresses has it once. Notes and events change nothing that a customer
-- sees. role: '' any, 'mine', 'followed'. found: how many there are beside those of this page.
SELECT tickets.id, tickets.number, tickets.subject, tickets.state, tickets.mailbox, participants.slot,
  participants.address AS reader, participants.reach, participants.joined_entry,
  (SELECT first.flags FROM entries AS first WHERE first.ticket_id = tickets.id ORDER BY first.id LIMIT 1) AS first_flags,
  (SELECT owned.is_theirs FROM owned WHERE owned.entry_id = (
    SELECT min(first.id) FROM entries AS first WHERE first.ticket_id = tickets.id)) AS first_is_theirs,
  own.changed_at, own.found
FROM (
  SELECT tickets.id AS ticket_id, participants.id AS participant_id, count(*) OVER () AS found, tickets.number,
    coalesce((SELECT max(said.at) FROM entries AS said WHERE said.ticket_id = tickets.id
      AND said.kind IN ('customer', 'agent')), tickets.created_at) AS changed_at
  FROM participants JOIN tickets ON tickets.id = participants.ticket_id
  WHERE participants.kind = 'customer' AND participants.removed_at IS NULL AND participants.address_key IN (
    SELECT theirs.address_key FROM people AS theirs WHERE theirs.account_id = :account_id)
    AND NOT EXISTS (SELECT 1 FROM participants AS other WHERE other.ticket_id = participants.ticket_id
      AND other.kind = 'customer' AND other.removed_at IS NULL AND other.slot < participants.slot
      AND other.address_key IN (SELECT theirs.address_key FROM people AS theirs WHERE theirs.account_id = :account_id))
    AND (:state = '' OR tickets.state = :state)
    AND (:role = '' OR (:role = 'mine') = (tickets.requester_key IN (
      SELECT theirs.address_key FROM people AS theirs WHERE theirs.account_id = :account_id)))
  ORDER BY changed_at DESC, tickets.number DESC LIMIT :limit OFFSET :skip
) AS own JOIN tickets ON tickets.id = own.ticket_id JOIN participants ON participants.id = own.participant_id
ORDER BY own.changed_at DESC, own.number DESC;

-- list: shared requests of a domain
-- "My activities" of an organisation, and a request's page; index tickets(requester_domain, number), by which a number of
-- another domain and one that is missing are the same. Whoever was removed from a request does not see it this way either.
SELECT tickets.id, tickets.number, tickets.subject, tickets.state, tickets.mailbox, tickets.requester_name AS asked_by,
  0 AS slot, CAST(:address AS TEXT) AS reader, 'full' AS reach, 0 AS joined_entry,
  (SELECT first.flags FROM entries AS first WHERE first.ticket_id = tickets.id ORDER BY first.id LIMIT 1) AS first_flags,
  (SELECT owned.is_theirs FROM owned WHERE owned.entry_id = (
    SELECT min(first.id) FROM entries AS first WHERE first.ticket_id = tickets.id)) AS first_is_theirs,
  coalesce((SELECT max(said.at) FROM entries AS said WHERE said.ticket_id = tickets.id
    AND said.kind IN ('customer', 'agent')), tickets.created_at) AS changed_at
FROM tickets WHERE tickets.requester_domain = :domain AND tickets.number >= :lowest AND tickets.number < :before
  AND (:state = '' OR tickets.state = :state)
  AND NOT EXISTS (SELECT 1 FROM participants WHERE participants.ticket_id = tickets.id
    AND participants.kind = 'customer' AND participants.removed_at IS NOT NULL AND participants.address_key IN (
      SELECT theirs.address_key FROM people AS theirs WHERE theirs.account_id = :account_id))
ORDER BY tickets.number DESC LIMIT :limit;

-- find: letter that did not arrive
-- A request's page; index outbox(ticket_id, copy).
SELECT outbox.recipient FROM outbox WHERE outbox.ticket_id = :ticket_id AND outbox.recipient_key = :recipient_key
  AND (outbox.bounced_at IS NOT NULL OR outbox.state = 'failed') ORDER BY outbox.id DESC LIMIT 1;

-- find: entry with the size of its mail
-- A request's page, for what it shows of the mail itself; primary keys.
SELECT entries.ticket_id, entries.kind, entries.derived, entries.mail_id, raws.size FROM entries
JOIN mails ON mails.id = entries.mail_id JOIN raws ON raws.id = mails.raw_id WHERE entries.id = :id;

-- find: attachment with its entry
-- Downloading a file; primary key.
SELECT attachments.entry_id, attachments.name, attachments.type, attachments.size, attachments.sha256 FROM attachments
WHERE attachments.id = :id;

-- find: word on an entry
-- "Was it you?"; primary key.
SELECT is_theirs FROM owned WHERE entry_id = :entry_id;

-- Articles

-- find: votes on an article
-- An article's page; unique index on article_votes(slug, language, visitor_hash).
SELECT count(*) AS votes, coalesce(sum(is_helpful), 0) AS helpful FROM article_votes WHERE slug = :slug AND language = :language;

-- find: vote on an article of a reader
-- An article's page; the same index.
SELECT is_helpful FROM article_votes WHERE slug = :slug AND language = :language AND visitor_hash = :visitor_hash;

-- add: vote on an article
-- An article's page; the same index. Whoever changes their mind has one vote still.
INSERT INTO article_votes (slug, language, visitor_hash, is_helpful, at)
VALUES (:slug, :language, :visitor_hash, :is_helpful, :at)
ON CONFLICT (slug, language, visitor_hash) DO UPDATE SET is_helpful = excluded.is_helpful, at = excluded.at;

-- find: follower of an article
-- An article's page; unique index on article_follows(account_id, slug).
SELECT id FROM article_follows WHERE account_id = :account_id AND slug = :slug;

-- add: follower of an article
-- An article's page; the same index.
INSERT INTO article_follows (account_id, address, slug, language, at)
VALUES (:account_id, :address, :slug, :language, :at)
ON CONFLICT (account_id, slug) DO UPDATE SET address = excluded.address, language = excluded.language, at = excluded.at;

-- drop: follower of an article
-- An article's page; the same index.
DELETE FROM article_follows WHERE account_id = :account_id AND slug = :slug;

-- drop: followers of articles of an account
-- Whoever deletes their account; the same index.
DELETE FROM article_follows WHERE account_id = :account_id;

-- list: followers of an article
-- The job that tells of changed articles; index article_follows(slug). A row for each address of the account: whoever
-- calls it takes the one that the letters go to, or none where that is no longer the account's.
SELECT article_follows.address, article_follows.language, people.address_key FROM article_follows JOIN people
  ON people.account_id = article_follows.account_id
WHERE article_follows.slug = :slug ORDER BY article_follows.id;

-- find: digest of an article
-- The job that tells of changed articles; unique index on article_digests(slug, language).
SELECT digest FROM article_digests WHERE slug = :slug AND language = :language;

-- add: digest of an article
-- The job that tells of changed articles; the same index.
INSERT INTO article_digests (slug, language, digest, title, at) VALUES (:slug, :language, :digest, :title, :at)
ON CONFLICT (slug, language) DO UPDATE SET digest = excluded.digest, title = excluded.title, at = excluded.at;
