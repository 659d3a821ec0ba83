-- name: flows_latest
-- The flows that are there, with the text of their revision.
select f.*, r.source, r.digest, r.folder
from flows f
left join revisions r on r.namespace = f.namespace and r.flow_id = f.id and r.revision = f.revision
where not coalesce(f.deleted, false)
  and ($namespace::varchar is null or f.namespace = $namespace or f.namespace like $namespace || '.%')
  and ($q::varchar is null or contains(lower(f.namespace || '.' || f.id), lower($q)))
order by f.namespace, f.id

-- name: flow_revision
-- One revision of a flow; without a number the one that counts.
select r.*, f.disabled, f.deleted as flow_deleted, f.revision as latest, f.origin, f.labels, f.description
from revisions r
join flows f on f.namespace = r.namespace and f.id = r.flow_id
where r.namespace = $namespace and r.flow_id = $id
  and r.revision = coalesce($revision::integer, f.revision)

-- name: latest_revision
-- The newest revision, drafts included.
select * from revisions where namespace = $namespace and flow_id = $flow_id order by revision desc limit 1

-- name: revisions_of
-- All revisions of a flow, newest first.
select * from revisions where namespace = $namespace and flow_id = $id order by revision desc

-- name: namespaces_list
-- Namespaces that have flows or pairs, with how many flows.
select id, sum(flows)::bigint as flows from (
    select namespace as id, count(*) as flows from flows where not coalesce(deleted, false) group by 1
    union all select id, 0 from namespaces
    union all select distinct namespace, 0 from kv
) group by id order by id
