-- Row-level security, grants, triggers and the brand's default come from `hallmark migrate`, for every table alike.
CREATE TABLE items (
  brand_id   text NOT NULL,
  id         uuid NOT NULL,
  title      text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (brand_id, id)
);

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
