-- The keys of citizens' numbers as the database knows them (RS13).

-- One act on the keys at a time; the lock goes with the connection. That of an act that has just ended may take a moment to go.
-- name: WaitForKeys :exec
SELECT set_config('lock_timeout', '2s', true);

-- name: LockKeys :exec
SELECT pg_advisory_lock(hashtext('vault_key'));

-- name: KnownKeys :many
SELECT purpose, id, preset, fingerprint, state FROM vault_key ORDER BY purpose, id;

-- name: AddKey :exec
INSERT INTO vault_key (purpose, id, preset, fingerprint, state) VALUES (@purpose, @id, @preset, @fingerprint, @state);

-- Sealing keys of which nothing is left; what is gone from the file for good.
-- name: RetireKeys :exec
UPDATE vault_key SET state = 'retired' WHERE purpose = 'seal' AND id = ANY (@ids::smallint[]);

-- The pending key of the index takes over; the first statement makes room for it.
-- name: RetireIndex :exec
UPDATE vault_key SET state = 'retired' WHERE purpose = 'index' AND state = 'active';

-- name: ActivateIndex :exec
UPDATE vault_key SET state = 'active' WHERE purpose = 'index' AND state = 'pending';

-- How many numbers each key has sealed, and up to where; with one of each to try a key at.
-- name: SealedByKey :many
SELECT get_byte(num_enc, 0)::smallint AS key, count(*) AS numbers,
  max(id::text)::uuid AS latest
FROM call WHERE num_enc IS NOT NULL GROUP BY 1 ORDER BY 1;

-- name: SealedNumber :one
SELECT num_enc, num_idx FROM call WHERE id = @id;

-- name: Resealing :one
SELECT seal, index, after, (SELECT count(*) FROM call WHERE num_enc IS NOT NULL AND call.id <= after) AS done FROM vault_reseal;

-- name: RememberReseal :exec
INSERT INTO vault_reseal (seal, index, after) VALUES (@seal, @index, @after)
ON CONFLICT (id) DO UPDATE SET seal = excluded.seal, index = excluded.index, after = excluded.after;

-- name: ForgetReseal :exec
DELETE FROM vault_reseal;

-- The next numbers after a call. Who writes a call does not wait for us while we hold others, nor we for them: what is locked is left
-- for the next round.
-- name: SealedAfter :many
SELECT id, num_enc, num_idx FROM call WHERE id > @after AND num_enc IS NOT NULL ORDER BY id LIMIT @rows FOR NO KEY UPDATE SKIP LOCKED;

-- name: Reseal :exec
UPDATE call c SET num_enc = n.enc, num_idx = CASE WHEN @reindex::bool THEN n.idx ELSE c.num_idx END
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@encs::bytea[]) AS enc, unnest(@idxs::bytea[]) AS idx) n WHERE c.id = n.id;
