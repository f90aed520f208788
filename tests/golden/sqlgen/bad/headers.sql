-- name: rowless
SELECT 1;

-- name: Upper :one
SELECT 1;

-- rpc: lower
SELECT 1;

-- name: twice :one
SELECT 1;

-- rpc: Twice
SELECT 1;

-- rpc: ListAll system wide list of everything
SELECT 1;

-- name:
SELECT 1;
