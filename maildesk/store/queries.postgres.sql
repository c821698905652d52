-- The queries that PostgreSQL writes differently, by the same names as in queries.sql.

-- list: entries that match words
-- `search`; a GIN index over the same expression.
SELECT entries.id AS entry, tickets.number AS ticket, entries.at AS at,
  ts_headline('simple', entries.full_text, websearch_to_tsquery('simple', :words)) AS excerpt
FROM entries JOIN tickets ON tickets.id = entries.ticket_id
WHERE to_tsvector('simple', entries.subject || ' ' || entries.full_text || ' ' || entries.names)
  @@ websearch_to_tsquery('simple', :words)
ORDER BY entries.id DESC LIMIT :limit;

-- change: check of the full-text index
-- `rebuild`; PostgreSQL keeps its index true by itself.
UPDATE entries SET names = names WHERE false;

-- change: whole full-text index
-- `rebuild`; PostgreSQL keeps its index true by itself.
UPDATE entries SET names = names WHERE false;
