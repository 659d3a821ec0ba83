-- name: kv_listed
-- The pairs of a namespace without values.
select namespace, key, kind, description, created_at, updated_at, expires_at from kv
where namespace = $namespace and starts_with(key, $prefix)
  and (expires_at is null or expires_at > $now)
order by key

-- name: kv_expired
-- Pairs whose time is over.
select namespace, key from kv
where expires_at <= $now and ($namespace::varchar is null or namespace = $namespace)
