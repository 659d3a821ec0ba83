-- name: triggers_list
-- Triggers with their flow, the next to fire first.
select t.*, f.disabled as flow_disabled, f.revision
from triggers t
left join flows f on f.namespace = t.namespace and f.id = t.flow_id
where ($namespace::varchar is null or t.namespace = $namespace or t.namespace like $namespace || '.%')
  and ($flow_id::varchar is null or t.flow_id = $flow_id)
order by t.next_date nulls last, t.namespace, t.flow_id, t.trigger_id

-- name: triggers_of
-- Triggers of one flow.
select * from triggers where namespace = $namespace and flow_id = $flow_id order by trigger_id

-- name: fires_of
-- When a trigger fired, or missed to; newest first.
select * from fires
where namespace = $namespace and flow_id = $flow_id
  and ($trigger_id::varchar is null or trigger_id = $trigger_id)
order by date desc limit coalesce($limit::bigint, 100)
