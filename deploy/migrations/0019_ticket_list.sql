-- 0019: lists in the order of work (RU18), and callbacks that are marked done.

-- Where a ticket stands in the order of work, in microseconds: what is promised by when it is due; then drafts, the oldest first; then what
-- is closed, the latest first. A promise that is missing would stand first. The epoch of an instant knows no time zone, so this is immutable.
CREATE FUNCTION ticket_order(state text, opened_at timestamptz, due_at timestamptz, closed_at timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (CASE state
    WHEN 'registered' THEN coalesce(extract(epoch FROM due_at), 0)
    WHEN 'draft' THEN 100000000000 + extract(epoch FROM opened_at)
    ELSE 300000000000 - coalesce(extract(epoch FROM closed_at), 0) END * 1000000)::bigint $$;

GRANT EXECUTE ON FUNCTION ticket_order(text, timestamptz, timestamptz, timestamptz) TO hotline_app, hotline_reactions;

-- due is the promise's, which lists cannot be sorted by from another table.
ALTER TABLE ticket ADD COLUMN due timestamptz;
UPDATE ticket t SET due = p.due_at FROM promise p WHERE p.ticket = t.id;
ALTER TABLE ticket ADD COLUMN work_order bigint NOT NULL GENERATED ALWAYS AS (ticket_order(state, opened_at, due, closed_at)) STORED;
CREATE INDEX ticket_order ON ticket (work_order, id);
DROP INDEX ticket_list;
-- A number is looked for as people type it, without its strokes.
CREATE INDEX ticket_number_typed ON ticket (replace(number, '-', '') text_pattern_ops) WHERE number IS NOT NULL;

-- Who may see callbacks marks them done, each once; by whom, the audit trail knows.
GRANT UPDATE (state, closed_at) ON callback TO hotline_app;
CREATE POLICY closes ON callback FOR UPDATE TO hotline_app USING ((SELECT reach('callbacks')) = 'all' AND state = 'open')
  WITH CHECK (state <> 'open');

---- create above / drop below ----

DROP POLICY closes ON callback;
REVOKE UPDATE (state, closed_at) ON callback FROM hotline_app;
DROP INDEX ticket_number_typed, ticket_order;
CREATE INDEX ticket_list ON ticket (opened_at DESC, id DESC);
ALTER TABLE ticket DROP COLUMN work_order, DROP COLUMN due;
DROP FUNCTION ticket_order(text, timestamptz, timestamptz, timestamptz);
