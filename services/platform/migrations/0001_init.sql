-- Brands are rows of the reserved brand "system": operators work on them under it. A row of another brand would speak for a
-- brand that is not its own.
CREATE TABLE brands (
  brand_id         text NOT NULL CHECK (brand_id = 'system'),
  id               text NOT NULL CHECK (id ~ '^[a-z][a-z0-9-]*$' AND id <> 'system'),
  name             text NOT NULL,
  status           text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
  suspended_reason text,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (brand_id, id)
);

-- A brand sees itself; the lease needs the state of all.
CREATE POLICY own_brand ON brands FOR SELECT TO platform_app
  USING (id = (SELECT nullif(current_setting('hallmark.brand_id', true), '')));
CREATE POLICY lease ON brands FOR SELECT TO platform_system USING (true);
GRANT SELECT (id, status) ON brands TO platform_system;

CREATE TABLE settings (
  brand_id   text NOT NULL,
  key        text NOT NULL,
  value      jsonb NOT NULL,
  version    bigint NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (brand_id, key)
);

CREATE TABLE services (
  brand_id      text NOT NULL,
  id            uuid NOT NULL,
  name          text NOT NULL,
  endpoint      text NOT NULL,
  version       text,
  registered_at timestamptz NOT NULL DEFAULT now(),
  heard_at      timestamptz NOT NULL DEFAULT now(),
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
