-- name: flows_with_retention
-- Flows whose text speaks of how long their history is kept.
select f.namespace, f.id, f.revision from flows f
join revisions r on r.namespace = f.namespace and r.flow_id = f.id and r.revision = f.revision
where not f.deleted and contains(r.source, 'retention')
