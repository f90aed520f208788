-- Whoever changes which tokens a user has (a login, a refresh, a revocation, a role taken away) locks the user's row first:
-- so each sees what the other did, and a token is issued either before a revocation's time or not at all.
CREATE TABLE users (
  brand_id     text NOT NULL,
  id           uuid NOT NULL,
  username     text NOT NULL CHECK (username = lower(username COLLATE "C")),
  email        text,
  display_name text,
  status       text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (brand_id, id),
  UNIQUE (brand_id, username)
);

CREATE TABLE credentials (
  brand_id      text NOT NULL,
  user_id       uuid NOT NULL,
  password_hash text NOT NULL,
  changed_at    timestamptz NOT NULL DEFAULT now(),
  used_at       timestamptz,
  PRIMARY KEY (brand_id, user_id),
  FOREIGN KEY (brand_id, user_id) REFERENCES users
);

-- What was guessed wrong, by what was guessed at: a username, whether anyone has it or not; "password:" or "device:" and a
-- user's id.
CREATE TABLE failures (
  brand_id text NOT NULL,
  subject  text NOT NULL,
  failed   integer NOT NULL,
  until    timestamptz NOT NULL,
  PRIMARY KEY (brand_id, subject)
);
CREATE INDEX failures_until ON failures (brand_id, until);

CREATE TABLE roles (
  brand_id    text NOT NULL,
  name        text NOT NULL,
  description text,
  permissions text[] NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (brand_id, name)
);

CREATE TABLE role_assignments (
  brand_id    text NOT NULL,
  id          uuid NOT NULL,
  user_id     uuid NOT NULL,
  role        text NOT NULL,
  assigned_by text NOT NULL,
  assigned_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (brand_id, id),
  UNIQUE (brand_id, user_id, role),
  FOREIGN KEY (brand_id, user_id) REFERENCES users,
  FOREIGN KEY (brand_id, role) REFERENCES roles
);
CREATE INDEX role_assignments_role ON role_assignments (brand_id, role);

CREATE TABLE clients (
  brand_id         text NOT NULL,
  id               uuid NOT NULL,
  name             text NOT NULL,
  secret_hash      bytea,                -- NULL: a public client
  redirect_uris    text[] NOT NULL,
  scopes           text[] NOT NULL,
  verification_uri text,
  created_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (brand_id, id)
);

-- A login (no client: whatever the user's roles permit) or a client's grant (its scopes, as far as the roles permit them).
CREATE TABLE sessions (
  brand_id   text NOT NULL,
  id         uuid NOT NULL,
  user_id    uuid NOT NULL,
  client_id  uuid,
  scopes     text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  used_at    timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL DEFAULT now() + interval '30 days',
  revoked_at timestamptz,
  PRIMARY KEY (brand_id, id),
  FOREIGN KEY (brand_id, user_id) REFERENCES users,
  FOREIGN KEY (brand_id, client_id) REFERENCES clients
);
CREATE INDEX sessions_user ON sessions (brand_id, user_id, id);

-- Only hashes: who reads this table can use none of them. An access token's id is its jti. Used refresh tokens stay until
-- they expire, so that one that comes back is known.
CREATE TABLE tokens (
  brand_id    text NOT NULL,
  id          uuid NOT NULL,
  session_id  uuid NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('access', 'refresh')),
  hash        bytea NOT NULL,
  permissions text[] NOT NULL DEFAULT '{}',
  issued_at   timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL,
  used_at     timestamptz,
  revoked_at  timestamptz,
  PRIMARY KEY (brand_id, id),
  UNIQUE (brand_id, hash),
  FOREIGN KEY (brand_id, session_id) REFERENCES sessions ON DELETE CASCADE
);
CREATE INDEX tokens_session ON tokens (brand_id, session_id);

-- Codes of Authorize. session_id: what the code was redeemed for.
CREATE TABLE authorizations (
  brand_id       text NOT NULL,
  id             uuid NOT NULL,
  hash           bytea NOT NULL,
  client_id      uuid NOT NULL,
  user_id        uuid NOT NULL,
  redirect_uri   text NOT NULL,
  scopes         text[] NOT NULL,
  code_challenge text NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  expires_at     timestamptz NOT NULL DEFAULT now() + interval '60 seconds',
  session_id     uuid,
  PRIMARY KEY (brand_id, id),
  UNIQUE (brand_id, hash),
  FOREIGN KEY (brand_id, client_id) REFERENCES clients,
  FOREIGN KEY (brand_id, user_id) REFERENCES users
);
CREATE INDEX authorizations_expires ON authorizations (brand_id, expires_at);

CREATE TABLE devices (
  brand_id         text NOT NULL,
  id               uuid NOT NULL,
  hash             bytea NOT NULL,
  user_code_hash   bytea NOT NULL,
  client_id        uuid NOT NULL,
  scopes           text[] NOT NULL,
  status           text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'denied')),
  user_id          uuid,
  interval_seconds integer NOT NULL DEFAULT 5,
  polled_at        timestamptz,
  created_at       timestamptz NOT NULL DEFAULT now(),
  expires_at       timestamptz NOT NULL DEFAULT now() + interval '10 minutes',
  session_id       uuid,
  PRIMARY KEY (brand_id, id),
  UNIQUE (brand_id, hash),
  UNIQUE (brand_id, user_code_hash),
  FOREIGN KEY (brand_id, client_id) REFERENCES clients,
  FOREIGN KEY (brand_id, user_id) REFERENCES users
);
CREATE INDEX devices_expires ON devices (brand_id, expires_at);

-- What every service must refuse: access tokens with this id, of this session or of this user, issued before a time.
CREATE TABLE revocations (
  brand_id      text NOT NULL,
  subject       uuid NOT NULL,
  tokens_before timestamptz NOT NULL,
  kept_until    timestamptz NOT NULL,
  PRIMARY KEY (brand_id, subject)
);
CREATE INDEX revocations_kept_until ON revocations (brand_id, kept_until);
CREATE POLICY lease ON revocations FOR SELECT TO identity_system USING (true);
GRANT SELECT (subject, tokens_before, kept_until) ON revocations TO identity_system;

CREATE TABLE audit_log (
  id             UUID PRIMARY KEY,
  occurred_at    TIMESTAMPTZ NOT NULL,
  actor_type     TEXT NOT NULL,
  actor_id       TEXT NOT NULL,
  actor_brand_id TEXT,
  event_type     TEXT NOT NULL,
  entity_type    TEXT,
  entity_id      TEXT,
  brand_id       TEXT NOT NULL,
  request_id     TEXT,
  details        JSONB
);
