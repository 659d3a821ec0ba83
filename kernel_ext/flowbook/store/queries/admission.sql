-- name: slot_holders
-- Executions of a flow that count against its limit: those that run, and those that were let in just now.
select e.id
from executions e
left join slots s on s.execution_id = e.id and s.name = e.namespace || '.' || e.flow_id
where e.namespace = $namespace and e.flow_id = $flow_id and e.ended_at is null
  and (e.state not in ('CREATED', 'QUEUED') or s.execution_id is not null)

-- name: executions_queued
-- Executions of a flow that wait for a slot and have none yet, the one that has waited longest first.
select id from executions e
where namespace = $namespace and flow_id = $flow_id and state = 'QUEUED'
  and not exists (
    select 1 from slots s where s.execution_id = e.id and s.name = e.namespace || '.' || e.flow_id)
order by histories->>'$[#-1].date', created_at, id
limit $limit::bigint
