-- A revocation is told with its brand.
GRANT SELECT (brand_id) ON revocations TO identity_system;
