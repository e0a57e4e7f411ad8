-- 0009: which keys citizens' numbers are sealed with and found by, told by fingerprints, so that no server works with others (RS13).
-- A fingerprint is derived from 256 random bits for itself alone: neither a key nor a number can be tried against it.
CREATE TABLE vault_key (
  purpose     text NOT NULL CHECK (purpose IN ('index', 'seal')),
  id          smallint NOT NULL CHECK (id BETWEEN 1 AND 255),   -- the first byte of num_enc, for a key that seals
  preset      text NOT NULL CHECK (preset IN ('international', 'gm')),
  fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 16),
  state       text NOT NULL CHECK (state IN ('pending', 'active', 'retired')),   -- pending: num_idx is to be made anew with it
  made_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (purpose, id),
  CHECK (purpose = 'index' OR state <> 'pending')
);
CREATE UNIQUE INDEX vault_key_index ON vault_key (state) WHERE purpose = 'index' AND state <> 'retired';

-- How far numbers have been sealed and indexed anew: calls up to this id are done, with these keys.
CREATE TABLE vault_reseal (
  id    int PRIMARY KEY DEFAULT 1 CHECK (id = 1),
  seal  smallint NOT NULL,
  index smallint NOT NULL,
  after uuid NOT NULL
);

COMMENT ON COLUMN call.num_enc IS 'sealed by agent/vault: id of the key, nonce, ciphertext; tied to the row''s id; NULL = anonymous';
COMMENT ON COLUMN call.num_idx IS 'keyed hash of the normalised number, for equality search; its key is vault_key''s active index';

---- create above / drop below ----

DROP TABLE vault_reseal, vault_key;
