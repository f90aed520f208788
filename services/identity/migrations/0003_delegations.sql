-- Who may act for a user, until when. The token itself is kept by the service that got it; its id is the delegation's.
CREATE TABLE delegations (
  brand_id    text NOT NULL,
  id          uuid NOT NULL,
  user_id     uuid NOT NULL,
  session_id  uuid,                -- in which it was made; NULL: in none
  service     text NOT NULL,
  permissions text[] NOT NULL,
  issued_at   timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL,
  revoked_at  timestamptz,
  PRIMARY KEY (brand_id, id),
  FOREIGN KEY (brand_id, user_id) REFERENCES users,
  FOREIGN KEY (brand_id, session_id) REFERENCES sessions ON DELETE CASCADE
);
CREATE INDEX delegations_user ON delegations (brand_id, user_id, id);
CREATE INDEX delegations_session ON delegations (brand_id, session_id);
CREATE INDEX delegations_expires ON delegations (brand_id, expires_at);
