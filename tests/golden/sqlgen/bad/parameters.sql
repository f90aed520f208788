-- name: operator :one
SELECT id FROM t WHERE id=@id;

-- name: several_operators :one
SELECT id FROM t WHERE a<@ids AND b = -@b AND c @>@c;

-- name: absolute :one
SELECT @ x, @(y), @-3, @'1', @"Q", @U&"u" FROM t;

-- name: joined :one
SELECT a@b, 1@c FROM t;

-- name: numbered :one
SELECT $1 + @b FROM t;

-- name: names :one
SELECT @userId, @größe, @a$b FROM t;

-- name: position :one
SELECT 'größer', @first, @the_second_of_them, @first FROM t WHERE oops oops oops;

-- name: literal :one
SELECT 'ü', 'unterminated;
