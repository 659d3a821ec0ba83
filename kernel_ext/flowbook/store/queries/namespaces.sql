-- name: namespaces_above
-- A namespace and those it lies in, the outermost first.
select * from namespaces where starts_with($namespace || '.', id || '.') order by length(id)
